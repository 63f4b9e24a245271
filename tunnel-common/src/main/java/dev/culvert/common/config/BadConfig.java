package dev.culvert.common.config;

import java.nio.file.Path;
import java.util.List;

/** A configuration file was refused. The message is all its errors, a line each. */
public final class BadConfig extends Exception {
    private static final long serialVersionUID = 1;

    private final List<String> errors;

    /**
     * The errors know the file by its absolute name; its user knows it by the name that was given. They quote the file,
     * whose control characters do no good to a terminal.
     */
    BadConfig(Path file, List<String> errors) {
        this(errors.stream()
                .map(error ->
                        error.replace(file.toAbsolutePath() + ":", file + ":").replaceAll("\\p{Cc}", "?"))
                .toList());
    }

    private BadConfig(List<String> errors) {
        super(String.join("\n", errors));
        this.errors = errors;
    }

    /** Every error in the order of the file, as {@code FILE:LINE: KEY: SENTENCE}; at least one. */
    public List<String> errors() {
        return errors;
    }
}
