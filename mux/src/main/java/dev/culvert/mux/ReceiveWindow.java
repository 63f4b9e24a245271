package dev.culvert.mux;

import java.util.concurrent.TimeUnit;

/**
 * How much a stream's peer may send: smux version 2's window, seen from the receiver, and how wide it should be. No
 * I/O.
 *
 * <p>Credit goes back when the application has consumed, in a UPD for every quarter of the window. An example with a
 * window of 100:
 *
 * <pre>
 *   received  consumed   the peer may send up to
 *       0         0            100
 *      80         0            100      nothing consumed, no UPD
 *      80        20            100      less than a quarter: no UPD
 *     100        60            160      UPD(60, 100)
 * </pre>
 *
 * <p>A window limits a stream to window / round trip. So the window follows what the application drains: bytes consumed
 * in one round trip are what the path and the application carry together, and four times that is enough to find out
 * whether they could carry more: a TCP that begins doubles what it sends each round trip, and what is told of now comes
 * into effect a round trip later. While the window is the limit, it grows fourfold each round trip; when the path or
 * the application is the limit, it stays at four times what they need. A stream that drains less than a sixteenth of
 * its window in a round trip gives half of it back, down to the first size; an idle one gives all of it back. Growth is
 * paid from the session's {@link MemoryBudget}, and no stream holds more of it than is left for the next: one stream
 * gets half of it, two a third each, n the (n+1)th part. A slow reader earns none.
 *
 * <p>The round trip is measured here, too: a UPD moves the limit; the first byte beyond the old limit can only have
 * been sent after the UPD arrived.
 */
final class ReceiveWindow {
    /** Below this a round trip says more about this machine's scheduling than about the path. */
    private static final long MIN_EPOCH = TimeUnit.MILLISECONDS.toNanos(1);
    /**
     * Where the round trip is less than {@link #MIN_EPOCH}, bytes: more would only lie in the kernel, and leave the
     * processor's cache.
     */
    private static final int NEAR = 2 << 20;
    /** A stream that consumed nothing for so long does not need a wide window. */
    private static final long IDLE = TimeUnit.SECONDS.toNanos(5);

    private final int initial;
    private final int max;
    private final boolean tellFirst;
    private final MemoryBudget budget;
    private final RoundTrip roundTrip;

    private int window;
    private long received;
    private long consumed;
    /**
     * The most that the peer may have sent in all. Never falls: a narrowed window does not take back what was given.
     */
    private long limit;

    private long consumedAtUpdate;

    private boolean measuring;
    private long measureBeyond;
    private long measureSince;

    private boolean inEpoch;
    private long epochStart;
    private long consumedAtEpoch;

    /** With {@code tellFirst}, what is consumed first is told at once: a stock peer may wait for it. */
    ReceiveWindow(int initial, int max, boolean tellFirst, MemoryBudget budget, RoundTrip roundTrip) {
        this.initial = initial;
        this.max = Math.max(initial, max);
        this.tellFirst = tellFirst;
        this.budget = budget;
        this.roundTrip = roundTrip;
        window = initial;
        limit = initial;
    }

    /** Counts arrived bytes. False: they are more than the window allowed. */
    boolean receive(int bytes, long now) {
        received += bytes;
        if (received > limit) {
            return false;
        }
        if (measuring && received > measureBeyond) {
            measuring = false;
            roundTrip.sample(now - measureSince, now);
        }
        return true;
    }

    /** Counts consumed bytes. True: a UPD is due. */
    boolean consume(int bytes, long now) {
        boolean first = tellFirst && consumed == 0;
        consumed += bytes;
        boolean widened = tune(now);
        return widened || first || isUpdateDue();
    }

    /** Counts bytes that nobody wanted: they are consumed, but earn no wider window. True: a UPD is due. */
    boolean drop(long bytes) {
        consumed += bytes;
        return isUpdateDue();
    }

    private boolean isUpdateDue() {
        return consumed - consumedAtUpdate >= window / 4;
    }

    /** A UPD goes out now, with {@link #consumedTotal()} and {@link #window()}. */
    void updateSent(long now) {
        if (!measuring) {
            measuring = true;
            measureBeyond = limit;
            measureSince = now;
        }
        consumedAtUpdate = consumed;
        limit = Math.max(limit, consumed + window);
    }

    /** CONSUMED of a UPD: total mod 2^32. */
    int consumedTotal() {
        return (int) consumed;
    }

    /** WINDOW of a UPD, bytes. */
    int window() {
        return window;
    }

    /** Narrows the window of an idle stream. True: a UPD is due. */
    boolean narrowIfIdle(long now) {
        if (window == initial || now - epochStart < IDLE) {
            return false;
        }
        resize(initial);
        return true;
    }

    /** Gives back what the budget promised. */
    void close() {
        resize(initial);
    }

    /** Once a round trip, fits the window to the drain rate. True: it was widened. */
    private boolean tune(long now) {
        if (!inEpoch || !roundTrip.isKnown()) { // which it is not on a new link, where the last epoch tells nothing
            inEpoch = true;
            startEpoch(now);
            return false;
        }
        long epoch = Math.max(MIN_EPOCH, roundTrip.nanos());
        long elapsed = now - epochStart;
        if (elapsed < epoch) {
            return false;
        }
        double drained = (double) (consumed - consumedAtEpoch) * epoch / elapsed;
        startEpoch(now);
        long share = initial + (budget.unpromised() + (window - initial)) / 2;
        int most = (int) Math.min(roundTrip.nanos() < MIN_EPOCH ? Math.min(max, NEAR) : max, share);
        int wanted = (int) Math.min(most, 4 * drained);
        if (wanted > window) {
            resize(wanted);
            return true;
        }
        if (window > most) {
            resize(most);
        } else if (drained < window / 16.0) {
            resize(Math.max(initial, window / 2));
        }
        return false;
    }

    private void resize(int newWindow) {
        budget.promise(newWindow - window);
        window = newWindow;
    }

    private void startEpoch(long now) {
        epochStart = now;
        consumedAtEpoch = consumed;
    }
}
