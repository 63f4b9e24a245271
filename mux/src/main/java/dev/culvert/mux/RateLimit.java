package dev.culvert.mux;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A token bucket that holds one second's worth. Any thread.
 *
 * <p>All that it has to keep is the time at which its last token was worth having: each token moves that time on by
 * what it takes to make one, and it may not pass the present (the generic cell rate algorithm, ITU-T I.371).
 */
public final class RateLimit {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private final AtomicLong spent;

    /** A full bucket. {@code now} and all later times are from one monotonic clock, in nanoseconds. */
    public RateLimit(long now) {
        spent = new AtomicLong(now - SECOND);
    }

    /** Takes a token if there is one, where so many are made in a second: 1 or more. */
    public boolean tryTake(int perSecond, long now) {
        while (true) {
            long before = spent.get();
            long full = now - SECOND;
            long after = (before - full > 0 ? before : full) + SECOND / perSecond;
            if (after - now > 0) {
                return false;
            } else if (spent.compareAndSet(before, after)) {
                return true;
            }
        }
    }
}
