package dev.culvert.common.lifecycle;

/** An agent can not start: a sentence on what is wrong and what to do. */
public final class StartFailure extends Exception {
    private static final long serialVersionUID = 1;

    public StartFailure(String message) {
        super(message);
    }
}
