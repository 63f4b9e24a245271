package dev.culvert.common.net;

import java.util.concurrent.TimeUnit;

/**
 * Keeps the queue on a path short where the congestion control sends more and more until packets are lost, as CUBIC and
 * Reno do: left to themselves they fill whatever room the bottleneck has, which in front of the line of a home or an
 * office is often that of half a second.
 *
 * <p>A {@link StandingQueue} is taken away. From then on the kernel sends hardly more than what arrives, so that it
 * takes the next one long to grow. It sends more again as more arrives, and where there is no queue at all. The
 * bottleneck has something to carry all the while, so that nothing is lost by it; and what losses say is the congestion
 * control's business still: this only makes it send less.
 */
final class ShortQueue {
    /** So long what arrives is counted at the least: some links take packets up, and let many go at once. */
    private static final long SAMPLE = TimeUnit.MILLISECONDS.toNanos(50);
    /** What is sent more than what arrives, as a part of it. */
    private static final int HARDLY = 32;
    /** What is sent more where there is no queue, as a part of what was sent. */
    private static final int STEP = 8;

    private final StandingQueue standing;
    /** The shortest round trip that was seen, us. */
    private long shortest = Long.MAX_VALUE;
    /** The bytes that had arrived at {@link #countedAt}; negative: nothing is counted. */
    private long counted = -1;

    private long countedAt;
    /** What has arrived of late, bytes a second; 0: nobody knows. */
    private long rate;

    private boolean wasShrinking;
    /** What the kernel sends at most after a queue has been taken away, bytes a second; 0: as much as it likes. */
    private long steady;
    /** Since when there has been no queue, with what is sent now. */
    private long emptySince;

    /** Of a connection that is new {@code now}, ns. */
    ShortQueue(long now) {
        standing = new StandingQueue(now);
    }

    /** Whether it wants a close look. */
    boolean isShrinking() {
        return standing.isShrinking();
    }

    /**
     * What the kernel should send at most, bytes a second; 0: as much as it likes.
     *
     * @param now ns
     * @param isHeldUp whether there is more to send than the kernel takes; where there is not, what arrives says
     *     nothing of the path
     */
    long limit(long now, boolean isHeldUp, TcpInfo tcp) {
        if (tcp.roundTrip() == 0) {
            return 0;
        }
        shortest = Math.min(shortest, tcp.roundTrip());
        if (isHeldUp) {
            count(now, tcp);
        } else {
            counted = -1;
            rate = 0;
            steady = 0;
        }
        PathState path = new PathState(tcp.roundTrip(), shortest, rate);
        long less = standing.limit(now, path);
        if (less > 0) {
            wasShrinking = true;
            return less;
        }
        if (wasShrinking) {
            wasShrinking = false;
            boolean isGone = rate > 0 && !standing.isOfOthers(now);
            steady = isGone ? hardlyMoreThan(standing.bandwidth()) : 0;
            emptySince = now;
        } else if (steady > 0) {
            findMore(now, path);
        }
        return steady;
    }

    private void count(long now, TcpInfo tcp) {
        long nanos = now - countedAt;
        if (counted < 0) {
            counted = tcp.acknowledged();
            countedAt = now;
        } else if (nanos >= Math.max(SAMPLE, TimeUnit.MICROSECONDS.toNanos(shortest))) {
            rate = (long) ((tcp.acknowledged() - counted) * 1e9 / nanos);
            counted = tcp.acknowledged();
            countedAt = now;
        }
    }

    private void findMore(long now, PathState path) {
        steady = Math.max(steady, hardlyMoreThan(rate));
        if (path.queue() > path.much() / 4) {
            emptySince = now;
        } else if (now - emptySince > TimeUnit.MICROSECONDS.toNanos(2 * path.roundTrip())) { // it would show by now
            emptySince = now;
            steady += steady / STEP;
        }
        if (steady > 2 * rate) { // it is not this that keeps the connection from sending more
            steady = 0;
        }
    }

    private static long hardlyMoreThan(long rate) {
        return rate + rate / HARDLY;
    }
}
