package dev.culvert.common.config;

import static dev.culvert.common.config.Kind.oneOf;
import static java.util.stream.Collectors.joining;

import java.util.Locale;
import java.util.Map;

/**
 * What the log holds, and how it is written.
 *
 * @param level from which lines are written
 * @param levels the same for some loggers, and for those whose names go on after a dot
 */
public record LogConfig(Format format, Level level, Map<String, Level> levels) {
    /** What counts where nothing is written. */
    public static final LogConfig DEFAULT = new LogConfig(Format.AUTO, Level.INFO, Map.of());

    /** How a line looks. */
    public enum Format {
        /** {@link #JOURNALD} where standard error is the journal, {@link #TEXT} elsewhere. */
        AUTO,
        /** For people: time, level, message. */
        TEXT,
        /** For the journal: sd-daemon(3)'s prefix for the priority, and the message. */
        JOURNALD,
        /** For programs: an object a line. */
        JSON;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** How much a line matters. */
    public enum Level {
        ERROR,
        WARN,
        INFO,
        DEBUG,
        TRACE;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    public LogConfig {
        levels = Map.copyOf(levels);
    }

    /** Reads {@code format}, {@code level} and {@code levels}. */
    public static LogConfig read(Section section) {
        return new LogConfig(
                section.get("format", oneOf(Format.class), DEFAULT.format),
                section.get("level", oneOf(Level.class), DEFAULT.level),
                section.dotted("levels", oneOf(Level.class)));
    }

    /** A few words for people. */
    public String describe() {
        return format + ", from " + level
                + levels.entrySet().stream()
                        .sorted(Map.Entry.comparingByKey())
                        .map(entry -> ", " + entry.getKey() + " from " + entry.getValue())
                        .collect(joining());
    }
}
