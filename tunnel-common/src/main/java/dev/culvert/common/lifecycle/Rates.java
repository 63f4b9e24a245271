package dev.culvert.common.lifecycle;

import com.typesafe.config.Config;
import io.netty.util.concurrent.Ticker;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * How fast counters grow, from one look at them to another that is a second later or more. Whoever looks seldom gets
 * the average of the time between. Any thread.
 */
final class Rates {
    /**
     * Connections of a status: the fastest first, and of those that stand still the one whose reader has the most to
     * read.
     */
    static final Comparator<Config> FASTEST_FIRST = Comparator.comparingLong(
                    (Config one) -> one.getLong("in_per_s") + one.getLong("out_per_s"))
            .thenComparingLong(one -> one.getLong("unread"))
            .reversed();

    private static final double SECOND = TimeUnit.SECONDS.toNanos(1);

    private final Ticker ticker;
    private Map<String, Long> before = Map.of();
    private long beforeAt;

    Rates(Ticker ticker) {
        this.ticker = ticker;
        beforeAt = ticker.nanoTime();
    }

    /** One look at all the counters. One thread. */
    static final class Look {
        private final Map<String, Long> now = new HashMap<>();
        private final Map<String, Long> since;
        private final double seconds;

        private Look(Map<String, Long> since, double seconds) {
            this.since = since;
            this.seconds = seconds;
        }

        /** What a counter grows by in a second; a new one has begun with 0. */
        long perSecond(String counter, long value) {
            now.put(counter, value);
            return Math.round(Math.max(0, value - since.getOrDefault(counter, 0L)) / seconds);
        }
    }

    synchronized Look look() {
        return new Look(before, Math.max(ticker.nanoTime() - beforeAt, 1) / SECOND);
    }

    /** The counters of a look are what the next ones start from. */
    synchronized void done(Look look) {
        if (look.seconds >= 1) {
            before = look.now;
            beforeAt = ticker.nanoTime();
        }
    }
}
