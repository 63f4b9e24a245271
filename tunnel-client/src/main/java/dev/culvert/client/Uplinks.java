package dev.culvert.client;

import dev.culvert.mux.ErrorCode;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.Ticker;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * Gives every local connection to the least loaded uplink, of those whose server answers if there are any, to the one that stands by where
 * there is no other, and lets it wait while there is none at all. One that comes back, because its session has not processed it, goes to
 * another.
 *
 * <p>Runs on the event loop that accepts. An uplink that becomes ready does so on its own loop, maybe right after it was asked
 * in vain: it calls {@link #serveWaiting} every time, whether it knows of somebody who waits or not.
 */
final class Uplinks {
    private final EventLoop loop;
    private final Ticker ticker;
    private final List<? extends Carrier> uplinks;
    /** As many as the forwards' max-connections at most. */
    private final PriorityQueue<Arrival> waiting =
            new PriorityQueue<>((a, b) -> Long.signum(a.deadline() - b.deadline()));

    private boolean draining;

    /** What carries connections: an {@link Uplink}. */
    interface Carrier {
        /** Whether it would take a connection now. Any thread. */
        boolean isReady();

        /** Whether its server answers in time; if not, others are better. Any thread. */
        boolean isResponsive();

        /** Whether it is for when the others are not ready, or do not answer. Any thread. */
        boolean isStandby();

        /** Connections that it carries. Any thread. */
        int load();

        /**
         * Takes {@code arrival}; gives it back, on some thread, if it no longer can, or if its server has certainly not processed it. Any
         * thread.
         */
        void take(Arrival arrival, Consumer<Arrival> back);

        /** The event loop of its sessions. Any thread. */
        EventLoop loop();

        /** Takes {@code flow}, or tells it that it no longer can, on its event loop. Any thread. */
        void take(UdpFlow flow);
    }

    Uplinks(EventLoop loop, Ticker ticker, List<? extends Carrier> uplinks) {
        this.loop = loop;
        this.ticker = ticker;
        this.uplinks = uplinks;
    }

    /** Finds an uplink for {@code arrival}, now or within its deadline. */
    void assign(Arrival arrival) {
        if (draining) {
            arrival.reject(loop, ErrorCode.DRAINING, "this agent is shutting down");
        } else if (arrival.wasRefusedTooOften()) {
            arrival.giveUp(loop, ErrorCode.REFUSED, "");
        } else if (!give(arrival)) {
            waiting.add(arrival);
            loop.schedule(this::rejectOverdue, arrival.deadline() - ticker.nanoTime(), TimeUnit.NANOSECONDS);
        }
    }

    /** There is room, or room again. Any thread. */
    void serveWaiting() {
        loop.execute(() -> {
            while (!waiting.isEmpty() && give(waiting.element())) {
                waiting.remove();
            }
        });
    }

    /** Takes no more. */
    void drain() {
        draining = true;
        while (!waiting.isEmpty()) {
            waiting.remove().reject(loop, ErrorCode.DRAINING, "this agent is shutting down");
        }
    }

    private boolean give(Arrival arrival) {
        var best = best(arrival::wasRefusedBy);
        best.ifPresent(uplink -> uplink.take(arrival, back -> loop.execute(() -> assign(back))));
        return best.isPresent();
    }

    /** Who would take a flow now; empty: nobody. */
    Optional<? extends Carrier> best() {
        return best(uplink -> false);
    }

    private Optional<? extends Carrier> best(Predicate<Carrier> lastOfAll) {
        return uplinks.stream()
                .filter(Carrier::isReady)
                .min(Comparator.<Carrier, Boolean>comparing(lastOfAll::test)
                        .thenComparing(uplink -> !uplink.isResponsive())
                        .thenComparing(Carrier::isStandby)
                        .thenComparingInt(Carrier::load));
    }

    private void rejectOverdue() {
        long now = ticker.nanoTime();
        while (!waiting.isEmpty() && waiting.element().deadline() - now <= 0) {
            waiting.remove().giveUp(loop, ErrorCode.TIMEOUT, "no session to a server within upstream.wait");
        }
    }
}
