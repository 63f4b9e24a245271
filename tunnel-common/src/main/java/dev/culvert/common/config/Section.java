package dev.culvert.common.config;

import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigList;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigUtil;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueType;
import dev.culvert.common.net.AddressSet;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One object of a configuration file and the reader of its keys.
 *
 * <p>No read throws for what the file holds. It records the error, so that the next one is found as well, and returns
 * the default or a harmless stand-in: an error means that nobody keeps the result. A <em>shape</em> is a function that
 * reads each key of a section and makes a value of them; a key that it has not asked for is an unknown key. When it
 * throws {@link IllegalArgumentException}, because the values do not fit together, that is an error of the section, and
 * what the shape makes of an empty section stands in: so it must be able to read one. HOCON's {@code null} is absence.
 */
public final class Section {
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,64}");

    private final List<ConfigError> errors;
    private final Place place;
    private final String path;
    private final ConfigObject object;
    private final Set<String> known = new TreeSet<>();

    Section(List<ConfigError> errors, Place place, String path, ConfigObject object) {
        this.errors = errors;
        this.place = place;
        this.path = path;
        this.object = object;
    }

    /** Whether there is anything at {@code key}; a section with nothing in it is nothing. */
    public boolean has(String key) {
        ConfigValue value = value(key);
        return value instanceof ConfigObject section
                ? section.values().stream().anyMatch(Section::isPresent)
                : value != null;
    }

    /** A value that must be there. */
    public <T> T get(String key, Kind<T> kind) {
        ConfigValue value = value(key);
        if (value == null) {
            error(key, "missing, expected " + kind.expected());
            return kind.standIn();
        }
        return parse(key, kind, value, kind.standIn());
    }

    /** A value with a default. */
    public <T> T get(String key, Kind<T> kind, T otherwise) {
        ConfigValue value = value(key);
        return value == null ? otherwise : parse(key, kind, value, otherwise);
    }

    /** A value that may be absent. */
    public <T> Optional<T> find(String key, Kind<T> kind) {
        return Optional.ofNullable(value(key)).map(value -> parse(key, kind, value, kind.standIn()));
    }

    /** A list that must be there, of at least one item. */
    public <T> List<T> list(String key, Kind<T> kind) {
        return items(key, kind, item -> parse(key, kind, item, kind.standIn()));
    }

    /** The same, where an item may also be a section in braces, of which {@code shape} makes the value. */
    public <T> List<T> list(String key, Kind<T> kind, Function<Section, T> shape) {
        return items(
                key,
                kind,
                item -> item instanceof ConfigObject
                        ? at(key, item).read(shape)
                        : parse(key, kind, item, kind.standIn()));
    }

    private <T> List<T> items(String key, Kind<T> kind, Function<ConfigValue, T> read) {
        ConfigValue value = value(key);
        if (value instanceof ConfigList list && !list.isEmpty()) {
            return list.stream().map(read).toList();
        }
        error(key, (value == null ? "missing" : "found " + found(value)) + ", expected a list of " + kind.expected());
        return List.of(kind.standIn());
    }

    /** A value, or a list of at least one; one or the other must be there. */
    public <T> List<T> oneOrMore(String key, Kind<T> kind) {
        return value(key) instanceof ConfigList ? list(key, kind) : List.of(get(key, kind));
    }

    /** One address or network, or a list; none if it is absent. */
    public AddressSet addresses(String key) {
        return has(key) ? AddressSet.of(oneOrMore(key, Kind.addresses())) : AddressSet.NONE;
    }

    /** A file that may be named; a relative path begins where the configuration file is. */
    public Optional<Path> findFile(String key) {
        return find(key, Kind.text())
                .map(text -> Path.of(place.file()).resolveSibling(text).normalize());
    }

    /** Whether {@code off} is written where a section might be. */
    public boolean isOff(String key) {
        return isWord(key, "off");
    }

    /** The same with another word. */
    public boolean isWord(String key, String word) {
        ConfigValue value = value(key);
        return value != null && isText(value) && text(value).equals(word);
    }

    /** The section at {@code key}; an absent one is read as if it were empty. */
    public <T> T section(String key, Function<Section, T> shape) {
        return at(key, value(key)).read(shape);
    }

    /** The sections that the user has named inside the section {@code key}, in the order of their lines. */
    public <T> List<T> named(String key, BiFunction<String, Section, T> shape) {
        Section all = at(key, value(key));
        return all.object.entrySet().stream()
                .sorted(Comparator.comparing((Map.Entry<String, ConfigValue> entry) ->
                                entry.getValue().origin().lineNumber())
                        .thenComparing(Map.Entry::getKey))
                .map(Map.Entry::getKey)
                .filter(name -> all.value(name) != null)
                .map(name -> {
                    if (!NAME.matcher(name).matches()) {
                        all.error(name, "a name has 1 to 64 of the characters A-Z a-z 0-9 . _ -");
                    }
                    return all.section(name, section -> shape.apply(name, section));
                })
                .toList();
    }

    /**
     * The values inside the section {@code key}, by names of the user's choice that may have dots: without quotes
     * around it, a name with a dot is a section in HOCON.
     */
    public <T> Map<String, T> dotted(String key, Kind<T> kind) {
        Map<String, T> values = new TreeMap<>();
        at(key, value(key)).addDotted("", kind, values);
        return values;
    }

    private <T> void addDotted(String prefix, Kind<T> kind, Map<String, T> values) {
        object.forEach((key, value) -> {
            if (value instanceof ConfigObject) {
                at(key, value).addDotted(prefix + key + ".", kind, values);
            } else if (isPresent(value)) {
                values.put(prefix + key, parse(key, kind, value, kind.standIn()));
            }
        });
    }

    /** Records an error of {@code key}: a sentence that says what was found and what to do. */
    public void error(String key, String sentence) {
        ConfigValue value = peek(key);
        errors.add(new ConfigError(value == null ? place : placeOf(value), path(key), sentence));
    }

    /** The full path of a key of this section, as an error names it. */
    public String path(String key) {
        String quoted = ConfigUtil.joinPath(key);
        return path.isEmpty() ? quoted : path + "." + quoted;
    }

    /** Reads this section as {@code shape} says and reports the keys that it did not ask for. */
    <T> T read(Function<Section, T> shape) {
        int errorsBefore = errors.size();
        try {
            return shape.apply(this);
        } catch (IllegalArgumentException e) {
            // After another error of this section the values are stand-ins, and so might be this error.
            if (errors.size() == errorsBefore) {
                errors.add(new ConfigError(place, path, String.valueOf(e.getMessage())));
            }
            return shape.apply(standIn());
        } finally {
            object.keySet().stream()
                    .filter(key -> !known.contains(key))
                    .toList()
                    .forEach(key -> error(key, "unknown key; " + advise(key)));
        }
    }

    private String advise(String unknown) {
        return Spelling.nearest(unknown, known)
                .map(key -> "did you mean " + path(key) + "?")
                .orElseGet(() -> "the keys here are " + String.join(", ", known));
    }

    private @Nullable ConfigValue value(String key) {
        known.add(key);
        return peek(key);
    }

    private @Nullable ConfigValue peek(String key) {
        ConfigValue value = object.get(key);
        return value != null && isPresent(value) ? value : null;
    }

    private static boolean isPresent(ConfigValue value) {
        return value.valueType() != ConfigValueType.NULL;
    }

    private Section at(String key, @Nullable ConfigValue value) {
        if (value == null) {
            return new Section(errors, place, path(key), ConfigFactory.empty().root());
        }
        if (value instanceof ConfigObject section) {
            return new Section(errors, placeOf(value), path(key), section);
        }
        error(key, "found " + found(value) + ", expected a section in braces { }");
        return standIn();
    }

    /** An empty section whose errors nobody hears. */
    private Section standIn() {
        return new Section(new ArrayList<>(), place, path, ConfigFactory.empty().root());
    }

    private <T> T parse(String key, Kind<T> kind, ConfigValue value, T otherwise) {
        String problem = ", expected " + kind.expected();
        if (isText(value)) {
            try {
                return kind.parse(text(value));
            } catch (IllegalArgumentException e) {
                problem = String.valueOf(e.getMessage());
            }
        }
        errors.add(new ConfigError(placeOf(value), path(key), "found " + found(value) + problem));
        return otherwise;
    }

    private Place placeOf(ConfigValue value) {
        return Place.of(value.origin(), place);
    }

    private static boolean isText(ConfigValue value) {
        return switch (value.valueType()) {
            case STRING, NUMBER, BOOLEAN -> true;
            case OBJECT, LIST, NULL -> false;
        };
    }

    private static String text(ConfigValue value) {
        return value.atKey("it").getString("it");
    }

    private static String found(ConfigValue value) {
        return switch (value.valueType()) {
            case STRING -> value.render(ConfigRenderOptions.concise());
            case NUMBER, BOOLEAN -> text(value);
            case OBJECT -> "a section";
            case LIST -> ((ConfigList) value).isEmpty() ? "an empty list" : "a list";
            case NULL -> "null";
        };
    }
}
