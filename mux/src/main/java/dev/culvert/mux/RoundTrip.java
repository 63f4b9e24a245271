package dev.culvert.mux;

import java.util.concurrent.TimeUnit;

/**
 * The round-trip time of a session: the least of the samples of the last half minute or so. Samples include waiting in
 * queues, the least of them hardly any.
 */
final class RoundTrip {
    /** A peer that is alive answers a PING within that, or within some round trips, ns. */
    static final long PATIENCE = TimeUnit.SECONDS.toNanos(1);

    private static final long MAX_AGE = TimeUnit.SECONDS.toNanos(30);

    private long nanos;
    private long sampledAt;
    private boolean known;
    private long linkedAt = Long.MIN_VALUE;

    /**
     * Another connection carries the session, maybe by another path. What was asked before has waited for it, and its
     * answer tells nothing.
     */
    void relinked(long now) {
        linkedAt = now;
        known = false;
        nanos = 0;
    }

    void sample(long sample, long now) {
        if (now - sample < linkedAt) {
            return;
        }
        if (!known || sample <= nanos || now - sampledAt > MAX_AGE) {
            nanos = Math.max(1, sample);
            sampledAt = now;
            known = true;
        }
    }

    boolean isKnown() {
        return known;
    }

    /** Nanoseconds; 0 while unknown. */
    long nanos() {
        return nanos;
    }

    /** How long a peer that is alive takes to answer a PING at most, ns. */
    long patience() {
        return Math.max(PATIENCE, 4 * nanos);
    }
}
