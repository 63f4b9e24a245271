package dev.culvert.common.net;

import java.util.concurrent.TimeUnit;

/**
 * Foresees when a connection whose congestion control is BBR will send next to nothing. BBR wants to know its path
 * without a queue: when it has seen no shorter round trip for 10 s it sends four packets a round trip for 200 ms (state
 * PROBE_RTT). Whatever the kernel has been given by then, and what is written behind it, takes all that time. Who has
 * nothing in the kernel at that moment notices nothing.
 *
 * <p>It knows what it is told of the connection, now and then, and {@link #untilNextLook} says when. Times are of one
 * clock, ns.
 *
 * <p>Source: Linux, net/ipv4/tcp_bbr.c (bbr_update_min_rtt, bbr_min_rtt_win_sec, bbr_probe_rtt_mode_ms).
 */
final class ProbeRtt {
    private static final long MILLISECOND = TimeUnit.MILLISECONDS.toNanos(1);
    /** After so long without a shorter round trip it comes. */
    static final long PERIOD = 10_000 * MILLISECOND;
    /** So long it lasts, when what was in flight has arrived. */
    static final long LENGTH = 200 * MILLISECOND;
    /** What the kernel holds has gone by then: some 60 KB, at 16 Mbit/s and more. */
    static final long AHEAD = 30 * MILLISECOND;
    /** How exactly it wants to know what it looks out for. */
    static final long CLOSE = 5 * MILLISECOND;

    private static final long FAR = 50 * MILLISECOND;

    private long lookedAt;
    private int shortest;
    private boolean probing;
    private long probingSince;
    /** Whether the next is known to begin between these two. */
    private boolean known;

    private long earliest;
    private long latest;

    /** Of a connection that is new {@code now}. */
    ProbeRtt(long now) {
        lookedAt = now;
        beginsBetween(now, now);
    }

    /**
     * What the connection says of itself.
     *
     * @param roundTrip the shortest that BBR knows, us
     * @param isProbing whether it is in that state
     */
    void look(long now, int roundTrip, boolean isProbing) {
        boolean isShorter = !isProbing && roundTrip != shortest;
        if (isProbing && !probing) {
            probingSince = now;
        } else if ((probing && !isProbing) || isShorter) {
            beginsBetween(lookedAt, now);
        }
        if (known && !isProbing && (latest - earliest > 2 * FAR || now - latest > patience())) {
            known = false; // it has not looked for long, or has missed something: the next one tells
        }
        probing = isProbing;
        shortest = roundTrip;
        lookedAt = now;
    }

    private void beginsBetween(long from, long to) {
        known = true;
        earliest = from + PERIOD;
        latest = to + PERIOD;
    }

    /** What comes within a round trip after it was due. */
    private long patience() {
        return 2 * CLOSE + roundTrip();
    }

    private long roundTrip() {
        return TimeUnit.MICROSECONDS.toNanos(shortest);
    }

    /** Whether it is a bad moment to give the kernel more than little. */
    boolean bulkWaits() {
        return probing ? lookedAt - probingSince < LENGTH + roundTrip() : known && lookedAt - (earliest - AHEAD) >= 0;
    }

    /** When to look again, if the connection is busy, ns from the last time. */
    long untilNextLook() {
        if (probing || !known) {
            return probing ? CLOSE : FAR;
        }
        return Math.max(CLOSE, Math.min(FAR, earliest - AHEAD - lookedAt));
    }
}
