package dev.culvert.common.net;

import java.util.concurrent.TimeUnit;

/**
 * Sees when a connection has left a queue standing on its path, and says what takes it away. Who types beside a
 * download waits behind that queue, and a router that has no room for it drops packets.
 *
 * <p>What helps is that the kernel sends an eighth less than the bandwidth until the queue is as good as gone. The
 * bottleneck has work all the while, so nothing is lost by it.
 *
 * <p>A queue that does not shrink by it is not of this connection alone. Who sent less there would leave more to the
 * others, and wait no less: it gives up, and tries again after a while.
 */
final class StandingQueue {
    /** So long a queue that has not shrunk is left alone, and twice as long each time that it has not again. */
    private static final long PAUSE = TimeUnit.SECONDS.toNanos(1);

    private static final long LONGEST_PAUSE = TimeUnit.SECONDS.toNanos(10);
    /** What is sent less, as a part of the bandwidth. */
    private static final int LESS = 8;

    private boolean shrinking;
    private long since;
    private long bandwidth;
    /** The queue before it could shrink, us. */
    private long longest;

    private long notBefore;
    private long pause = PAUSE;

    /** Of a connection that is new {@code now}, ns. */
    StandingQueue(long now) {
        notBefore = now;
    }

    /** Whether it wants a close look, for what is sent less once the queue is gone is lost. */
    boolean isShrinking() {
        return shrinking;
    }

    /** As it was seen when the last one had shrunk, or shrinks, bytes a second. */
    long bandwidth() {
        return bandwidth;
    }

    /** Whether the last one has not shrunk, and is left alone for now. */
    boolean isOfOthers(long now) {
        return now - notBefore < 0;
    }

    /**
     * What the kernel should send at most, bytes a second; 0: as much as it likes.
     *
     * @param now ns
     */
    long limit(long now, PathState path) {
        if (path.bandwidth() == 0) {
            shrinking = false;
        } else if (path.queue() <= path.much() / 2) { // the rest goes by what was sent less and has not arrived yet
            shrinking = false;
            pause = PAUSE;
        } else if (shrinking) {
            bandwidth = path.bandwidth(); // the more is known of it, the longer the path has been full
            giveUpUnlessItShrinks(now, path);
        } else if (path.queue() > path.much() && !isOfOthers(now)) {
            shrinking = true;
            bandwidth = path.bandwidth();
            since = now;
            longest = path.queue();
        }
        return shrinking ? bandwidth - bandwidth / LESS : 0;
    }

    /** What is done shows after a round trip or two, and takes half of what is sent less off the queue at the least. */
    private void giveUpUnlessItShrinks(long now, PathState path) {
        long shown = TimeUnit.NANOSECONDS.toMicros(now - since) - 2 * path.roundTrip();
        if (shown < 0) {
            longest = Math.max(longest, path.queue());
        } else if (path.queue() - path.much() / 2 > longest - shown / (2 * LESS)) { // round trips vary
            shrinking = false;
            notBefore = now + pause;
            pause = Math.min(LONGEST_PAUSE, 2 * pause);
        }
    }
}
