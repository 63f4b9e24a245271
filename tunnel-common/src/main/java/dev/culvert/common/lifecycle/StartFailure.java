package dev.culvert.common.lifecycle;

import java.io.IOException;

/** An agent cannot start: a sentence on what is wrong and what to do. */
public final class StartFailure extends Exception {
    private static final long serialVersionUID = 1;

    private final boolean mayPass;

    public StartFailure(String message) {
        super(message);
        mayPass = false;
    }

    /** @param why says it in a sentence */
    public StartFailure(Exception why) {
        this(why, false);
    }

    private StartFailure(Exception why, boolean mayPass) {
        super(String.valueOf(why.getMessage()), why);
        this.mayPass = mayPass;
    }

    /** An address is not here, or is taken, for now: {@code why} says it in a sentence. */
    public static StartFailure cannotListen(IOException why) {
        return new StartFailure(why, true);
    }

    /** Whether another start may succeed with the same configuration. */
    boolean mayPass() {
        return mayPass;
    }
}
