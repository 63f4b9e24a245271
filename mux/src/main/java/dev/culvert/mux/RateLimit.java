package dev.culvert.mux;

/** A token bucket that holds one second's worth. */
final class RateLimit {
    private static final double NANOS = 1e9;

    private final double perSecond;
    private double tokens;
    private long filledAt;

    RateLimit(int perSecond, long now) {
        this.perSecond = perSecond;
        tokens = perSecond;
        filledAt = now;
    }

    /** Takes a token if there is one. */
    boolean tryTake(long now) {
        tokens = Math.min(perSecond, tokens + (now - filledAt) / NANOS * perSecond);
        filledAt = now;
        if (tokens < 1) {
            return false;
        }
        tokens--;
        return true;
    }
}
