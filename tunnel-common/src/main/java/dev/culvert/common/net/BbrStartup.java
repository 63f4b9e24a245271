package dev.culvert.common.net;

import java.util.concurrent.TimeUnit;

/**
 * Sees when BBR does not leave its first state, STARTUP, and says what helps. In that state it sends almost three times
 * what the path takes, to find out how much that is, until it has seen no more for three round trips. But what it sees
 * does not count while all that the socket has is sent, which BBR takes for an application that has no more. That goes
 * on for ever where the send buffer holds less than BBR wants under way, three times what the path holds: the bytes of
 * each round trip go out in one burst, and what the path's queue does not take of it is lost.
 *
 * <p>What helps is that the kernel sends a little less than the path takes, for some round trips: then there is
 * something unsent, and what BBR sees counts.
 *
 * <p>Source: Linux, net/ipv4/tcp_bbr.c (bbr_check_full_bw_reached, bbr_high_gain), and tcp_rate_check_app_limited.
 */
final class BbrStartup {
    /**
     * After so long without more bandwidth it has found what there is: it needs some round trips to see twice as much.
     */
    static final long PATIENCE = TimeUnit.SECONDS.toNanos(1);
    /** If it has not helped after so long, it does not. */
    static final long GIVE_UP = TimeUnit.SECONDS.toNanos(5);
    /** What is sent less, as a part of the bandwidth. */
    private static final int LESS = 16;

    private long bandwidthThen;
    private long since;

    /** Begins to look, or begins again when nobody has looked for a while. */
    void begin(long now) {
        bandwidthThen = 0;
        since = now;
    }

    /**
     * What the kernel should send at most, bytes a second; 0: as much as it likes.
     *
     * @param now ns
     * @param isHeldUp whether there is more to send than the kernel takes
     */
    long limit(long now, boolean isHeldUp, BbrState bbr) {
        long bandwidth = bbr.bandwidth();
        boolean isMore = bandwidth > bandwidthThen + bandwidthThen / 4; // as BBR sees it
        if (!isHeldUp || !bbr.isStartup() || isMore) {
            bandwidthThen = bandwidth;
            since = now;
        }
        long waited = now - since;
        return waited >= PATIENCE && waited < PATIENCE + GIVE_UP ? bandwidth - bandwidth / LESS : 0;
    }
}
