package dev.culvert.common.config;

import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** Reads one HOCON file, or what stands in its place, into a value, whole or not at all. */
public final class ConfigFile {
    private ConfigFile() {}

    /**
     * Reads {@code file} as {@code shape} says.
     *
     * @param shape takes the top section and makes the value; see {@link Section} for what it may do
     * @throws BadConfig with every error of the file; only the first one if it cannot be read or is not HOCON
     */
    public static <T> T read(Path file, Function<Section, T> shape) throws BadConfig {
        List<ConfigError> errors = new ArrayList<>();
        Place top = new Place(file.toAbsolutePath().toString(), 1);
        T value = new Section(errors, top, "", Hocon.parse(file)).read(shape);
        check(file, errors);
        return value;
    }

    /**
     * Reads what stands on a command line in the place of a file.
     *
     * @param values texts and lists of texts, by the paths of their keys
     * @param shape as above
     * @throws BadConfig with every error
     */
    public static <T> T read(Map<String, ?> values, Function<Section, T> shape) throws BadConfig {
        List<ConfigError> errors = new ArrayList<>();
        Place top = Place.COMMAND_LINE;
        T value = new Section(
                        errors,
                        top,
                        "",
                        ConfigFactory.parseMap(values, top.toString()).root())
                .read(shape);
        check(Path.of(top.file()), errors);
        return value;
    }

    private static void check(Path file, List<ConfigError> errors) throws BadConfig {
        if (!errors.isEmpty()) {
            throw new BadConfig(
                    file,
                    errors.stream()
                            .distinct() // a value may be read for more than one reason
                            .sorted(ConfigError.BY_PLACE)
                            .map(ConfigError::toString)
                            .toList());
        }
    }

    /**
     * Reads one section, whatever else there is and however wrong it may be.
     *
     * @param optional a file that need not be there, and is then read as if it were empty
     * @param section its path
     * @param shape takes the top section, which has nothing but this one
     * @throws BadConfig if the file cannot be read or is not HOCON
     */
    public static <T> T peek(Path file, Path optional, String section, Function<Section, T> shape) throws BadConfig {
        return peek(file, optional, section, shape, new ArrayList<>());
    }

    /**
     * Reads one section, whatever else there is.
     *
     * @param optional a file that need not be there, and is then read as if it were empty
     * @param section its path
     * @param shape takes the top section, which has nothing but this one
     * @throws BadConfig with every error of the section, or if the file cannot be read or is not HOCON
     */
    public static <T> T readOnly(Path file, Path optional, String section, Function<Section, T> shape)
            throws BadConfig {
        List<ConfigError> errors = new ArrayList<>();
        T value = peek(file, optional, section, shape, errors);
        check(file, errors);
        return value;
    }

    private static <T> T peek(
            Path file, Path optional, String section, Function<Section, T> shape, List<ConfigError> errors)
            throws BadConfig {
        ConfigObject content = file.equals(optional) && Files.notExists(file)
                ? ConfigFactory.empty().root()
                : Hocon.parse(file, section);
        return shape.apply(new Section(errors, new Place(file.toAbsolutePath().toString(), 1), "", content));
    }
}
