package dev.culvert.client;

import io.netty.channel.EventLoop;
import io.netty.util.concurrent.Ticker;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Gives every local connection to the least loaded uplink, and lets it wait while there is none.
 *
 * <p>Runs on the event loop that accepts; only {@link #serveWaiting} is for other threads.
 */
final class Uplinks {
    private final EventLoop loop;
    private final Ticker ticker;
    private final List<Uplink> uplinks;
    /** In the order of their deadlines; as many as the forwards' max-connections at most. */
    private final ArrayDeque<Arrival> waiting = new ArrayDeque<>();

    private volatile boolean someWait;
    private boolean draining;

    Uplinks(EventLoop loop, Ticker ticker, List<Uplink> uplinks) {
        this.loop = loop;
        this.ticker = ticker;
        this.uplinks = uplinks;
    }

    /** Finds an uplink for {@code arrival}, now or within its deadline. */
    void assign(Arrival arrival) {
        if (draining) {
            arrival.reject("this agent is shutting down");
        } else if (!give(arrival)) {
            waiting.add(arrival);
            someWait = true;
            loop.schedule(this::rejectOverdue, arrival.deadline() - ticker.nanoTime(), TimeUnit.NANOSECONDS);
        }
    }

    /** There may be room again. Any thread. */
    void serveWaiting() {
        if (someWait) {
            loop.execute(() -> {
                while (!waiting.isEmpty() && give(waiting.element())) {
                    waiting.remove();
                }
                someWait = !waiting.isEmpty();
            });
        }
    }

    /** Takes no more. */
    void drain() {
        draining = true;
        while (!waiting.isEmpty()) {
            waiting.remove().reject("this agent is shutting down");
        }
        someWait = false;
    }

    private boolean give(Arrival arrival) {
        var best = uplinks.stream().filter(Uplink::isReady).min(Comparator.comparingInt(Uplink::load));
        best.ifPresent(uplink -> uplink.take(arrival, () -> loop.execute(() -> assign(arrival))));
        return best.isPresent();
    }

    private void rejectOverdue() {
        long now = ticker.nanoTime();
        while (!waiting.isEmpty() && waiting.element().deadline() - now <= 0) {
            waiting.remove().reject("no session to a server within upstream.wait");
        }
        someWait = !waiting.isEmpty();
    }
}
