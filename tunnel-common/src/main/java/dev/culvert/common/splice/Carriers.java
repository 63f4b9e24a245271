package dev.culvert.common.splice;

import dev.culvert.mux.ErrorCode;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Ticker;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Gives every connection to the least loaded carrier, of those whose peer answers if there are any, to the one that
 * stands by where there is no other, and lets it wait while there is none at all. One that comes back, because its
 * session has not processed it, goes to another.
 *
 * <p>Runs on the event loop that accepts. A carrier that becomes ready does so on its own loop, maybe right after it
 * was asked in vain: it has {@link #serveWaiting} called every time, whether it knows of somebody who waits or not.
 *
 * @param <C> what carries
 */
public final class Carriers<C extends Carrier> {
    private static final int MOST_AT_ONCE = 64;

    private final EventLoop loop;
    private final Ticker ticker;
    private final List<C> carriers;
    private final Supplier<String> overdue;
    /** As many as whoever accepts lets in at most. */
    private final PriorityQueue<Arrival> waiting =
            new PriorityQueue<>((a, b) -> Long.signum(a.deadline() - b.deadline()));
    /** Of those who wait, so many have been given to carriers that have not answered yet. */
    private int serving;
    /** And so many may be. */
    private int atOnce = 1;
    /** Set for the first who waits, or for one who was; null: it is not set, for nobody waits. */
    private @Nullable Future<?> alarm;

    private long alarmAt;

    /** Given to a carrier that has not answered yet. */
    private final AtomicInteger asked = new AtomicInteger();
    /** Null: nobody wants to know, or has been told. */
    private volatile @Nullable Runnable whenServed;

    /** Null: it takes connections. */
    private @Nullable Closing closing;

    private record Closing(ErrorCode code, String reason) {}

    /**
     * Without a connection so far.
     *
     * @param carriers may change, on {@code loop}
     * @param overdue why a connection that has waited too long is reset
     */
    public Carriers(EventLoop loop, Ticker ticker, List<C> carriers, Supplier<String> overdue) {
        this.loop = loop;
        this.ticker = ticker;
        this.carriers = carriers;
        this.overdue = overdue;
    }

    /** Finds a carrier for {@code arrival}, now or within its deadline. */
    public void assign(Arrival arrival) {
        if (closing != null) {
            arrival.reject(loop, closing.code, closing.reason);
        } else if (arrival.wasRefusedTooOften()) {
            arrival.giveUp(loop, ErrorCode.REFUSED, "");
        } else if (!waiting.isEmpty() || !give(arrival, taken -> {})) {
            waiting.add(arrival);
            arrival.connection().onCutWhileWaiting(loop, (code, reason) -> cut(arrival, code, reason));
            expectOverdue();
            serveNext();
        }
    }

    /** If it still waits; else whoever has it cuts it off. */
    private void cut(Arrival arrival, ErrorCode code, String reason) {
        if (waiting.remove(arrival)) {
            arrival.reject(loop, code, reason);
            tellIfServed();
        }
    }

    /** There is room, or room again. Any thread. */
    public void serveWaiting() {
        loop.execute(this::serveNext);
    }

    /**
     * Few at a time, and more where there is room: where a session has room for one, all the others would come back, as
     * often as a stream ends.
     */
    private void serveNext() {
        while (serving < atOnce && !waiting.isEmpty() && give(waiting.element(), this::served)) {
            waiting.remove();
            serving++;
        }
    }

    private void served(boolean taken) {
        loop.execute(() -> {
            serving--;
            atOnce = taken ? Math.min(2 * atOnce, MOST_AT_ONCE) : 1;
            serveNext();
        });
    }

    /** Whether nobody waits: each has got as far as a stream, or its time is over. */
    public boolean isServed() {
        return waiting.isEmpty() && asked.get() == 0;
    }

    /** Has {@code action} run when {@link #isServed}. */
    public void whenServed(Runnable action) {
        whenServed = action;
        tellIfServed();
    }

    private void tellIfServed() {
        Runnable action = whenServed;
        if (action != null && isServed()) {
            whenServed = null;
            action.run();
        }
    }

    /** Takes no more, for the reason that is told to those who wait. */
    public void close(ErrorCode code, String reason) {
        closing = new Closing(code, reason);
        while (!waiting.isEmpty()) {
            waiting.remove().reject(loop, code, reason);
        }
        tellIfServed();
    }

    private boolean give(Arrival arrival, Consumer<Boolean> done) {
        Optional<C> best = best(arrival::wasRefusedBy);
        best.ifPresent(carrier -> {
            asked.incrementAndGet();
            Consumer<Arrival> back = again -> loop.execute(() -> assign(again));
            carrier.take(arrival, back, taken -> {
                if (!taken) {
                    back.accept(arrival);
                }
                done.accept(taken);
                if (asked.decrementAndGet() == 0 && whenServed != null) {
                    loop.execute(this::tellIfServed);
                }
            });
        });
        return best.isPresent();
    }

    /** Who would take something now; empty: nobody. */
    public Optional<C> best() {
        return best(carrier -> false);
    }

    private Optional<C> best(Predicate<Carrier> lastOfAll) {
        return carriers.stream()
                .filter(Carrier::isReady)
                .min(Comparator.<Carrier, Boolean>comparing(lastOfAll::test)
                        .thenComparing(carrier -> !carrier.isResponsive())
                        .thenComparing(Carrier::isStandby)
                        .thenComparingInt(Carrier::load)
                        .thenComparingLong(Carrier::lastTaken));
    }

    private void expectOverdue() {
        long first = waiting.element().deadline();
        if (alarm != null && first - alarmAt < 0) {
            alarm.cancel(false);
            alarm = null;
        }
        if (alarm == null) {
            alarmAt = first;
            alarm = loop.schedule(this::rejectOverdue, first - ticker.nanoTime(), TimeUnit.NANOSECONDS);
        }
    }

    private void rejectOverdue() {
        alarm = null;
        long now = ticker.nanoTime();
        while (!waiting.isEmpty() && waiting.element().deadline() - now <= 0) {
            waiting.remove().giveUp(loop, ErrorCode.TIMEOUT, overdue.get());
        }
        if (!waiting.isEmpty()) {
            expectOverdue();
        }
        tellIfServed();
    }
}
