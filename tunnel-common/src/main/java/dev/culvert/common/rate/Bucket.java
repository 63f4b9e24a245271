package dev.culvert.common.rate;

import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Ticker;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.NavigableSet;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A token bucket: so many bytes a second, and at once no more than what comes in within {@value #DEPTH_MILLIS} ms. It
 * begins empty.
 *
 * <p>Whoever does not find what it needs waits in a queue, where those who have had fewer bytes come first, and asks
 * for no more than a {@linkplain #quantum quantum} at a time: so those who share a bucket get equal parts, also where
 * the quantum of one is smaller, because of another bucket. What cannot be divided and is longer, a datagram, has to
 * find a quantum and takes the rest in advance. Who comes, or comes back, begins where the others are, without credit
 * for the time before (start-time fair queuing, Goyal et al. 1996). Each waits once, so the queue is as long as there
 * are connections at most. While somebody waits there is one timer, on the event loop of one of them; else there is
 * none.
 *
 * <p>Any thread. Nothing else is locked while this is.
 */
public final class Bucket {
    private static final long DEPTH_MILLIS = 50;
    /** So short is the turn of one, unless that is too few or too many bytes. */
    private static final long TURN_MILLIS = 5;

    private static final int LEAST_QUANTUM = 1 << 10;
    /** As much as is read from a socket at once. */
    private static final int MOST_QUANTUM = 256 << 10;
    /** Who waits less than this wakes up together with others. */
    private static final long SHORTEST_WAIT = TimeUnit.MILLISECONDS.toNanos(1);

    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private final long rate;
    private final Ticker ticker;
    private final int quantum;
    /** How long it takes to fill, nanoseconds. */
    private final long depth;

    /** The moment since which what comes in is still in it. */
    private long emptyAt;

    private final NavigableSet<Turn> waiting =
            new TreeSet<>(Comparator.comparingLong(Turn::start).thenComparingLong(Turn::arrival));

    private long arrivals;
    /** How far those who are served have come: where the last of them began, bytes. */
    private long served;

    /** Of the first of those who wait; null: nobody does. */
    private @Nullable Future<?> timer;

    /** @param rate bytes a second, 1 KiB to 1 TiB */
    Bucket(long rate, Ticker ticker) {
        this.rate = rate;
        this.ticker = ticker;
        quantum = (int) Math.max(LEAST_QUANTUM, Math.min(MOST_QUANTUM, rate * TURN_MILLIS / 1000));
        depth = Math.max(TimeUnit.MILLISECONDS.toNanos(DEPTH_MILLIS), time(quantum));
        emptyAt = ticker.nanoTime();
    }

    long rate() {
        return rate;
    }

    /** The most that has to be there at a time, bytes. */
    public int quantum() {
        return quantum;
    }

    /** Those who wait. */
    synchronized int waiting() {
        return waiting.size();
    }

    /** False: {@link Turn#granted} will be called when its bytes are there. */
    synchronized boolean take(Turn turn) {
        turn.queue(served, arrivals++);
        if (waiting.isEmpty() && tryTake(turn)) {
            return true;
        }
        waiting.add(turn);
        if (timer == null) {
            setTimer(turn);
        }
        return false;
    }

    /** Whether {@code turn} waits no longer; else it has got its bytes. */
    synchronized boolean leave(Turn turn) {
        return waiting.remove(turn);
    }

    /** Bytes that were taken and not used: those who wait need not wait until they would have come in again. */
    public synchronized void giveBack(int bytes) {
        emptyAt -= time(bytes);
        if (!waiting.isEmpty()) {
            setTimer(waiting.first());
        }
    }

    private void serve() {
        List<Turn> granted = new ArrayList<>();
        synchronized (this) {
            stopTimer();
            while (!waiting.isEmpty() && timer == null) {
                Turn first = waiting.first();
                if (tryTake(first)) {
                    waiting.remove(first);
                    granted.add(first);
                } else {
                    setTimer(first);
                }
            }
        }
        granted.forEach(Turn::granted);
    }

    private boolean tryTake(Turn turn) {
        long now = ticker.nanoTime();
        if (emptyAt - (now - depth) < 0) { // it is full, and what came in since then has flowed over
            emptyAt = now - depth;
        }
        if (emptyAt + time(needed(turn)) - now > 0) {
            return false;
        }
        emptyAt += time(turn.bytes());
        served = turn.start();
        return true;
    }

    private void setTimer(Turn first) {
        stopTimer();
        long wait = emptyAt + time(needed(first)) - ticker.nanoTime();
        timer = first.loop().schedule(this::serve, Math.max(SHORTEST_WAIT, wait), TimeUnit.NANOSECONDS);
    }

    private void stopTimer() {
        if (timer != null) {
            timer.cancel(false);
            timer = null;
        }
    }

    private int needed(Turn turn) {
        return Math.min(turn.bytes(), quantum);
    }

    /** How long it takes for so many to come in, nanoseconds. */
    private long time(int bytes) {
        return (bytes * SECOND + rate - 1) / rate;
    }
}
