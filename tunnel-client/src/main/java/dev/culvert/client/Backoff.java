package dev.culvert.client;

import java.time.Duration;
import java.util.random.RandomGenerator;

/**
 * The pauses between attempts to connect: each twice the one before, from {@code min} up to {@code max}, and of that a
 * random part of at least half, so that the clients of a restarted server do not all come at once.
 */
final class Backoff {
    private final Duration min;
    private final Duration max;
    private final RandomGenerator random;
    private Duration ceiling;

    Backoff(Duration min, Duration max, RandomGenerator random) {
        this.min = min;
        this.max = max;
        this.random = random;
        ceiling = min;
    }

    /** The next pause. */
    Duration next() {
        long nanos = ceiling.toNanos();
        Duration doubled = ceiling.multipliedBy(2);
        ceiling = doubled.compareTo(max) < 0 ? doubled : max;
        return Duration.ofNanos(nanos / 2 + random.nextLong(nanos / 2 + 1));
    }

    /** Begins again with the shortest. */
    void reset() {
        ceiling = min;
    }
}
