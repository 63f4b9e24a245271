package dev.culvert.bench;

/** A measurement that could not be made; the message says why. */
public final class BenchFailure extends RuntimeException {
    private static final long serialVersionUID = 1;

    public BenchFailure(String message) {
        super(message);
    }

    static BenchFailure interrupted(InterruptedException e) {
        Thread.currentThread().interrupt();
        BenchFailure failure = new BenchFailure("interrupted");
        failure.initCause(e);
        return failure;
    }
}
