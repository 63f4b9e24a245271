package dev.culvert.common.net;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A path of 100 Mbit/s and 20 ms. */
class StandingQueueTest {
    private static final long MS = TimeUnit.MILLISECONDS.toNanos(1);
    private static final int SHORTEST = 20_000;
    private static final long RATE = 12_500_000;
    private static final long LESS = RATE / 8 * 7;

    private long now = -3_000 * MS; // a clock may begin anywhere
    private final StandingQueue standing = new StandingQueue(now);
    /** us. */
    private double queue;

    @BeforeEach
    void thereIsNone() {
        assertThat(look(true)).isZero();
    }

    private long look(boolean isHeldUp) {
        return standing.limit(now, path(isHeldUp ? RATE : 0));
    }

    private PathState path(long bandwidth) {
        return new PathState((long) (SHORTEST + queue), SHORTEST, bandwidth);
    }

    /** So much goes into the path for a while, while the limit is what it is; the queue grows or shrinks by it. */
    private void sends(long rate, long millis, long limit) {
        for (long i = 0; i < millis; i += 5) {
            now += 5 * MS;
            queue = Math.max(0, queue + 5_000.0 * (rate - RATE) / RATE);
            assertThat(look(true)).isEqualTo(limit);
        }
    }

    @Test
    void whatBbrSendsTooMuchIsTakenAwayAgain() {
        sends(RATE / 100 * 102, 250, 0); // 5 ms
        sends(RATE / 100 * 102, 20, LESS);
        assertThat(standing.isShrinking()).isTrue();
        sends(LESS, 20, LESS);
        sends(LESS, 5, 0);
        assertThat(standing.isShrinking()).isFalse();
        sends(RATE / 100 * 102, 135, 0);
        sends(RATE / 100 * 102, 5, LESS);
    }

    /** What had been sent before goes on arriving for a round trip, and BBR sends more than the bandwidth at times. */
    @Test
    void itMayGrowBeforeItShrinks() {
        queue = 6_000;
        sends(RATE / 100 * 125, 20, LESS);
        assertThat(queue).isEqualTo(11_000);
        sends(LESS, 65, LESS);
        sends(LESS, 5, 0);
    }

    @Test
    void aQueueOfOthersIsLeftAlone() {
        queue = 30_000;
        for (int seconds : List.of(1, 2, 4, 8, 10, 10)) {
            sends(RATE, 145, LESS);
            sends(RATE, 1_000L * seconds, 0);
        }
        sends(RATE, 145, LESS);
        queue = 0;
        sends(RATE, 10_000, 0);
        queue = 30_000;
        sends(RATE, 145, LESS);
        sends(RATE, 1_000, 0);
        sends(RATE, 145, LESS);
    }

    @Test
    void oneThatShrinksTooSlowlyIsOfOthersToo() {
        queue = 60_000;
        long from = now;
        while (look(true) > 0 || now == from) {
            now += 5 * MS;
            queue -= 5_000 / 20;
            assertThat(now - from).isLessThan(1_000 * MS);
        }
        assertThat(queue).isGreaterThan(SHORTEST);
        sends(RATE, 900, 0);
    }

    @Test
    void aLongOneThatShrinksIsTakenAwayToTheEnd() {
        queue = 200_000;
        sends(LESS, 1_575, LESS);
        sends(LESS, 10, 0);
        assertThat(queue).isLessThan(2_500);
    }

    @Test
    void aShortOneIsLeftAlone() {
        queue = SHORTEST / 4.0;
        sends(RATE, 100, 0);
    }

    @Test
    void onAShortPathTooItMustBeNoticeable() {
        assertThat(standing.limit(now, new PathState(4_500, 500, RATE))).isZero();
        assertThat(standing.limit(now, new PathState(4_501, 500, RATE))).isEqualTo(LESS);
    }

    @Test
    void whoHasNothingToSendOrDoesNotKnowTheBandwidthIsNotLimited() {
        queue = 10_000;
        assertThat(look(false)).isZero();
        assertThat(look(true)).isEqualTo(LESS);
        assertThat(look(false)).isZero();
        assertThat(look(true)).isEqualTo(LESS);
    }

    /** At first it may be that of a moment in which the path was not full, or had more to give. */
    @Test
    void whatShrinksItFollowsTheBandwidth() {
        queue = 10_000;
        assertThat(standing.limit(now, path(RATE / 2))).isEqualTo(RATE / 2 / 8 * 7);
        now += 5 * MS;
        assertThat(standing.limit(now, path(RATE))).isEqualTo(LESS);
        now += 5 * MS;
        assertThat(standing.limit(now, path(RATE / 5))).isEqualTo(RATE / 5 / 8 * 7);
        assertThat(standing.bandwidth()).isEqualTo(RATE / 5);
    }
}
