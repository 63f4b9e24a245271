package dev.culvert.mux;

import java.io.FileNotFoundException;
import java.util.regex.Pattern;

/** What the system or a library says of a failure, for people. Any thread. */
public final class SystemError {
    /** The native transport's words around those of the system. */
    private static final Pattern CALL = Pattern.compile("^\\w+\\(\\.\\.\\) failed with error\\(-\\d+\\): ");

    private SystemError() {}

    /** What the native transport throws for it has no message. */
    private static final String NO_FILE = "No such file or directory";

    /** Its message without errno and the call that failed; the name of its class if there is no message. */
    public static String words(Throwable failure) {
        if (failure instanceof FileNotFoundException && failure.getMessage() == null) {
            return NO_FILE;
        }
        String said = failure.getMessage() == null ? failure.toString() : failure.getMessage();
        return CALL.matcher(said).replaceFirst("").strip().replaceFirst("[ ;]+$", "");
    }
}
