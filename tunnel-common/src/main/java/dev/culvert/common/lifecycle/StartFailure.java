package dev.culvert.common.lifecycle;

import java.io.IOException;

/** An agent can not start: a sentence on what is wrong and what to do. */
public final class StartFailure extends Exception {
    private static final long serialVersionUID = 1;

    private final boolean mayPass;

    public StartFailure(String message) {
        this(message, false);
    }

    private StartFailure(String message, boolean mayPass) {
        super(message);
        this.mayPass = mayPass;
    }

    /** An address is not here, or is taken, for now: {@code why} says it in a sentence. */
    public static StartFailure cannotListen(IOException why) {
        return new StartFailure(String.valueOf(why.getMessage()), true);
    }

    /** Whether another start may succeed with the same configuration. */
    boolean mayPass() {
        return mayPass;
    }
}
