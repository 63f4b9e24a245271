package dev.culvert.common.lifecycle;

import dev.culvert.common.splice.Connections;
import dev.culvert.common.splice.Tally;
import io.netty.util.concurrent.Ticker;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** What all connections together have done, in the last minutes, and how far away the peers were. Any thread. */
final class History {
    private static final int KEPT = 300;
    private static final double SECOND = TimeUnit.SECONDS.toNanos(1);

    private static final Duration PATIENCE = Duration.ofSeconds(1);

    private final Connections connections;
    private final Sessions sessions;
    private final Ticker ticker;
    private final Deque<Sample> samples = new ArrayDeque<>();
    private long in;
    private long out;
    private long at;
    private volatile long roundTripMicros;
    private volatile Consumer<List<SessionStatus>> observer = status -> {};

    History(Connections connections, Sessions sessions, Ticker ticker) {
        this.connections = connections;
        this.sessions = sessions;
        this.ticker = ticker;
        at = ticker.nanoTime();
    }

    /**
     * One step.
     *
     * @param in bytes a second that came from sockets of this side
     * @param out bytes a second that were written to them
     * @param roundTripMicros the longest of the sessions, a moment ago; 0: unknown
     */
    record Sample(long in, long out, int connections, long roundTripMicros) {}

    /** Who is told of all sessions at each step. */
    void observe(Consumer<List<SessionStatus>> newObserver) {
        observer = newObserver;
    }

    /** Looks at the counters. */
    synchronized void sample() {
        long now = ticker.nanoTime();
        if (now - at < SECOND / 2) {
            return; // woken early: the next step is near
        }
        long nowIn =
                connections.tallies().stream().mapToLong(Tally::fromSockets).sum();
        long nowOut = connections.tallies().stream().mapToLong(Tally::toSockets).sum();
        double seconds = (now - at) / SECOND;
        samples.addLast(new Sample(
                Math.round((nowIn - in) / seconds),
                Math.round((nowOut - out) / seconds),
                connections.size(),
                roundTripMicros));
        sessions.status(PATIENCE).thenAccept(status -> {
            roundTripMicros = longest(status);
            observer.accept(status);
        });
        if (samples.size() > KEPT) {
            samples.removeFirst();
        }
        in = nowIn;
        out = nowOut;
        at = now;
    }

    private static long longest(List<SessionStatus> sessions) {
        return sessions.stream().mapToLong(SessionStatus::roundTripMicros).max().orElse(0);
    }

    /** The oldest first; a second or so between two. */
    synchronized List<Sample> samples() {
        return List.copyOf(samples);
    }

    /** The rates of this moment as the end of a sentence; empty when nothing moves. */
    @Override
    public synchronized String toString() {
        Sample last = samples.peekLast();
        return last == null || last.in + last.out == 0 ? "" : ", in " + rate(last.in) + ", out " + rate(last.out);
    }

    private static String rate(long bytes) {
        return bytes < 10_000
                ? bytes + " B/s"
                : bytes < 10_000_000 ? bytes / 1_000 + " kB/s" : bytes / 1_000_000 + " MB/s";
    }
}
