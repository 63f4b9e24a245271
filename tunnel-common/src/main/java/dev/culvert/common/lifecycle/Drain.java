package dev.culvert.common.lifecycle;

import dev.culvert.common.splice.Connection;
import dev.culvert.common.splice.Connections;
import io.netty.util.concurrent.Ticker;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The wait for the last connections of an agent that is to end. It can be asked what it waits for. */
final class Drain {
    private static final int NAMED = 10;
    /**
     * A flow of datagrams does not end by itself: one that is quiet for so long has ended, as far as a drain can know.
     */
    private static final Duration QUIET_FLOW = Duration.ofSeconds(5);

    private final Connections connections;
    private final @Nullable Duration idle;
    private final Duration timeout;
    private final Ticker ticker;
    private final long startedAt;

    /**
     * Starts the clock.
     *
     * @param timeout how long connections may go on
     * @param idle how long one may be quiet, or null for as long as it likes
     */
    Drain(Connections connections, Duration timeout, @Nullable Duration idle, Ticker ticker) {
        this.connections = connections;
        this.timeout = timeout;
        this.idle = idle;
        this.ticker = ticker;
        startedAt = ticker.nanoTime();
    }

    /** Cuts off the connections that have been idle for too long. */
    void cutIdle() {
        for (Connection connection : connections.live()) {
            Duration quiet = connection.isFlow() ? quietFlow() : idle;
            if (quiet != null) {
                connection.cutIfIdle(quiet);
            }
        }
    }

    private Duration quietFlow() {
        return idle == null || idle.compareTo(QUIET_FLOW) > 0 ? QUIET_FLOW : idle;
    }

    /** Time left, zero or less when the deadline has passed. */
    Duration left() {
        return timeout.minusNanos(ticker.nanoTime() - startedAt);
    }

    /** The connections that are left. */
    List<Connection> waitingFor() {
        return List.copyOf(connections.live());
    }

    /** What it waits for, in one line. */
    @Override
    public String toString() {
        List<Connection> left = waitingFor();
        String names = left.stream().limit(NAMED).map(Connection::id).collect(Collectors.joining(", "));
        return "draining: " + left.size() + " connections left, " + Math.max(0, left().toSeconds()) + " s to go"
                + (left.isEmpty() ? "" : ": " + names + (left.size() > NAMED ? ", ..." : ""));
    }
}
