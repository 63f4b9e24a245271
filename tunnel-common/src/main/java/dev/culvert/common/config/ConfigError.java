package dev.culvert.common.config;

import java.util.Comparator;

/**
 * One thing wrong with a file.
 *
 * @param path the full path of the key, empty for the file as a whole
 * @param sentence what was found, what is expected, what to do
 */
record ConfigError(Place place, String path, String sentence) {
    static final Comparator<ConfigError> BY_PLACE = Comparator.comparing(
            ConfigError::place, Comparator.comparing(Place::file).thenComparing(Place::line));

    @Override
    public String toString() {
        return place + ": " + (path.isEmpty() ? "" : path + ": ") + sentence;
    }
}
