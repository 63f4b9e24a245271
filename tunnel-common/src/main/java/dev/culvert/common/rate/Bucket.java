package dev.culvert.common.rate;

import io.netty.util.concurrent.Ticker;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * A token bucket: so many bytes a second, and at once no more than what comes in within {@value #DEPTH_MILLIS} ms. It begins empty.
 *
 * <p>Whoever does not find what it needs waits in a queue, first come, first served, and each asks for no more than a
 * {@linkplain #quantum quantum} at a time: so those who share a bucket get equal parts. Who waits is in the queue once, so it is as long as
 * there are connections at most. While somebody waits there is one timer, on the event loop of one of them; else there is none.
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

    private final Set<Turn> waiting = new LinkedHashSet<>();
    private boolean timed;

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

    /** The most that may be asked for at a time, bytes. */
    public int quantum() {
        return quantum;
    }

    /** Those who wait. */
    synchronized int waiting() {
        return waiting.size();
    }

    /** False: {@link Turn#granted} will be called when its bytes are there. */
    synchronized boolean take(Turn turn) {
        if (waiting.isEmpty() && tryTake(turn.bytes())) {
            return true;
        }
        waiting.add(turn);
        if (!timed) {
            setTimer(turn);
        }
        return false;
    }

    /** Whether {@code turn} waits no longer; else it has got its bytes. */
    synchronized boolean leave(Turn turn) {
        return waiting.remove(turn);
    }

    /** Bytes that were taken and not used. */
    synchronized void giveBack(int bytes) {
        emptyAt -= time(bytes);
    }

    private void serve() {
        List<Turn> served = new ArrayList<>();
        synchronized (this) {
            timed = false;
            Iterator<Turn> queue = waiting.iterator();
            while (queue.hasNext()) {
                Turn turn = queue.next();
                if (!tryTake(turn.bytes())) {
                    setTimer(turn);
                    break;
                }
                queue.remove();
                served.add(turn);
            }
        }
        served.forEach(Turn::granted);
    }

    private boolean tryTake(int bytes) {
        long now = ticker.nanoTime();
        if (emptyAt - (now - depth) < 0) { // it is full, and what came in since then has flowed over
            emptyAt = now - depth;
        }
        long then = emptyAt + time(bytes);
        if (then - now > 0) {
            return false;
        }
        emptyAt = then;
        return true;
    }

    private void setTimer(Turn first) {
        timed = true;
        long wait = emptyAt + time(first.bytes()) - ticker.nanoTime();
        first.loop().schedule(this::serve, Math.max(SHORTEST_WAIT, wait), TimeUnit.NANOSECONDS);
    }

    /** How long it takes for so many to come in, nanoseconds. */
    private long time(int bytes) {
        return (bytes * SECOND + rate - 1) / rate;
    }
}
