package dev.culvert.server;

import io.netty.util.concurrent.Ticker;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells the log who was refused what, but no more often than a disk can bear: anybody can ask for anything. Any thread. */
final class Refusals {
    private static final Logger LOG = LoggerFactory.getLogger(Refusals.class);

    static final int MOST = 10;
    private static final long PERIOD = TimeUnit.SECONDS.toNanos(10);

    private final Ticker ticker;
    private final AtomicLong periodBegan;
    private final AtomicInteger inPeriod = new AtomicInteger();

    Refusals(Ticker ticker) {
        this.ticker = ticker;
        periodBegan = new AtomicLong(ticker.nanoTime());
    }

    /** Somebody was refused. Returns whether the log was told. */
    boolean add(String endpoint, Object who, String reason) {
        long began = periodBegan.get();
        long now = ticker.nanoTime();
        if (now - began >= PERIOD && periodBegan.compareAndSet(began, now)) {
            int untold = inPeriod.getAndSet(0) - MOST;
            if (untold > 0) {
                LOG.warn(
                        "{}: refused {} more in the last {} s",
                        endpoint,
                        untold,
                        TimeUnit.NANOSECONDS.toSeconds(now - began));
            }
        }
        boolean told = inPeriod.incrementAndGet() <= MOST;
        if (told) {
            LOG.warn("{}: refused {}: {}", endpoint, who, reason);
        }
        return told;
    }
}
