package dev.culvert.common.net;

import java.util.concurrent.TimeUnit;

/**
 * Sees when BBR has left a queue standing on the path, and says what takes it away. BBR takes the most that it has seen of late for the
 * bandwidth, and so sends a little more than there is. What is too much gathers before the bottleneck, until it is almost as much as the path
 * holds: who types beside a download waits behind it, and a router that has no room for so much drops packets.
 *
 * <p>What helps is that the kernel sends an eighth less than the bandwidth until the queue is as good as gone. The bottleneck has work all the
 * while, so nothing is lost by it.
 *
 * <p>A queue that does not shrink by it is not of this connection alone. Who sent less there would leave more to the others, and wait no less:
 * it gives up, and tries again after a while.
 *
 * <p>Source: Linux, net/ipv4/tcp_bbr.c (bbr_update_bw, bbr_bw_rtts, bbr_cwnd_gain).
 */
final class StandingQueue {
    /** One that delays by less nobody notices, us. */
    static final int MATTERS = 4_000;
    /** So long a queue that has not shrunk is left alone. */
    static final long PAUSE = TimeUnit.SECONDS.toNanos(10);
    /** What is sent less, as a part of the bandwidth. */
    private static final int LESS = 8;

    private long limit;
    private long limitedSince;
    /** The queue before it could shrink, us. */
    private long longest;

    private long notBefore;

    /** Of a connection that is new {@code now}, ns. */
    StandingQueue(long now) {
        notBefore = now;
    }

    /** Whether it wants a close look, for what is sent less once the queue is gone is lost. */
    boolean isShrinking() {
        return limit > 0;
    }

    /**
     * What the kernel should send at most, bytes a second; 0: as much as it likes.
     *
     * @param now ns
     * @param isHeldUp whether there is more to send than the kernel takes
     */
    long limit(long now, boolean isHeldUp, BbrState bbr) {
        long queue = bbr.roundTrip() - bbr.shortest();
        long much = Math.max(MATTERS, bbr.shortest() / 4);
        if (!isHeldUp
                || !bbr.knowsBandwidth()
                || queue <= much / 2) { // the rest goes by what was sent less and has not arrived yet
            limit = 0;
        } else if (limit > 0) {
            giveUpUnlessItShrinks(now, queue, 2 * bbr.roundTrip());
        } else if (queue > much && now - notBefore >= 0) {
            limit = bbr.bandwidth() - bbr.bandwidth() / LESS;
            limitedSince = now;
            longest = queue;
        }
        return limit;
    }

    /** What is done shows after a round trip or two, and takes half of what is sent less off the queue at the least. */
    private void giveUpUnlessItShrinks(long now, long queue, long shows) {
        long shrinking = TimeUnit.NANOSECONDS.toMicros(now - limitedSince) - shows;
        if (shrinking < 0) {
            longest = Math.max(longest, queue);
        } else if (queue > longest - shrinking / (2 * LESS)) {
            limit = 0;
            notBefore = now + PAUSE;
        }
    }
}
