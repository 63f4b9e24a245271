package dev.culvert.mux;

import java.util.regex.Pattern;

/** What the system or a library says of a failure, for people. Any thread. */
public final class SystemError {
    /** The native transport's words around those of the system. */
    private static final Pattern CALL = Pattern.compile("^\\w+\\(\\.\\.\\) failed with error\\(-\\d+\\): ");

    private SystemError() {}

    /** Its message without errno and the call that failed; the name of its class if there is no message. */
    public static String words(Throwable failure) {
        String said = failure.getMessage() == null ? failure.toString() : failure.getMessage();
        return CALL.matcher(said).replaceFirst("").strip().replaceFirst("[ ;]+$", "");
    }
}
