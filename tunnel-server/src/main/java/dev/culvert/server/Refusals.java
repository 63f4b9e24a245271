package dev.culvert.server;

import dev.culvert.mux.HostPort;
import io.netty.util.concurrent.Ticker;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells the log who was refused what, but no more often than a disk can bear: anybody can ask for anything. Any thread.
 */
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

    /** What was refused. */
    enum What {
        SESSION,
        STREAM
    }

    /**
     * Somebody was refused something. Returns whether the log was told.
     *
     * @param client its name, empty where nobody knows who it is
     */
    boolean add(String endpoint, What what, String client, HostPort peer, String reason) {
        long began = periodBegan.get();
        long now = ticker.nanoTime();
        if (now - began >= PERIOD && periodBegan.compareAndSet(began, now)) {
            int untold = inPeriod.getAndSet(0) - MOST;
            if (untold > 0) {
                long seconds = TimeUnit.NANOSECONDS.toSeconds(now - began);
                LOG.atWarn()
                        .addKeyValue("event", "refused_more")
                        .addKeyValue("endpoint", endpoint)
                        .addKeyValue("count", untold)
                        .addKeyValue("seconds", seconds)
                        .log("{}: refused {} more in the last {} s", endpoint, untold, seconds);
            }
        }
        boolean told = inPeriod.incrementAndGet() <= MOST;
        if (told) {
            LOG.atWarn()
                    .addKeyValue("event", "refused")
                    .addKeyValue("endpoint", endpoint)
                    .addKeyValue("what", what == What.SESSION ? "session" : "stream")
                    .addKeyValue("client", client)
                    .addKeyValue("peer", peer)
                    .addKeyValue("reason", reason)
                    .log(
                            "{}: refused {}{}{}: {}",
                            endpoint,
                            what == What.SESSION ? "" : "a stream of ",
                            client.isEmpty() ? "" : client + "@",
                            peer,
                            reason);
        }
        return told;
    }
}
