package dev.culvert.common.config;

import com.typesafe.config.ConfigOrigin;

/**
 * A line of a file.
 *
 * @param line from 1; 0: there are none
 */
record Place(String file, int line) {
    static final Place COMMAND_LINE = new Place("command line", 0);

    /**
     * Where a value is written, or the enclosing place for what is written nowhere in particular: an environment
     * variable, or an object put together from several files.
     */
    static Place of(ConfigOrigin origin, Place enclosing) {
        String file = origin.filename();
        return file == null || origin.lineNumber() < 1 ? enclosing : new Place(file, origin.lineNumber());
    }

    @Override
    public String toString() {
        return line == 0 ? file : file + ":" + line;
    }
}
