package dev.culvert.common.net;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class BbrStartupTest {
    private static final long LOOK = TimeUnit.MILLISECONDS.toNanos(50);
    private static final long GIGABIT = 125_000_000;
    private static final long LESS = GIGABIT / 16 * 15;

    private final BbrStartup startup = new BbrStartup();
    private long now = 7;

    BbrStartupTest() {
        startup.begin(now);
    }

    private long look(boolean isHeldUp, boolean isStartup, long bandwidth) {
        now += LOOK;
        return startup.limit(now, isHeldUp, new BbrState(bandwidth, 0, isStartup ? 739 : 256, 512));
    }

    /** Looks for that long, and fails if there is a limit before; returns the one there is then. */
    private long lookFor(long nanos, long bandwidth) {
        long until = now + nanos;
        long limit = 0;
        while (now < until) {
            assertThat(limit).isZero();
            limit = look(true, true, bandwidth);
        }
        return limit;
    }

    @Test
    void whoIsStuckSendsLessUntilItIsOutOfIt() {
        assertThat(lookFor(LOOK + BbrStartup.PATIENCE, GIGABIT)).isEqualTo(LESS);
        assertThat(look(true, true, GIGABIT)).isEqualTo(LESS);
        assertThat(look(true, false, GIGABIT)).isZero();
        assertThat(look(true, true, GIGABIT)).isZero();
    }

    @Test
    void whoSeesMoreAndMoreIsNotStuck() {
        for (long bandwidth = 10_000; bandwidth < 10 * GIGABIT; bandwidth += bandwidth / 3) {
            assertThat(lookFor(BbrStartup.PATIENCE, bandwidth)).isZero();
        }
    }

    @Test
    void aLittleMoreIsNotMore() {
        assertThat(lookFor(LOOK + BbrStartup.PATIENCE / 2, GIGABIT)).isZero();
        assertThat(lookFor(BbrStartup.PATIENCE / 2, GIGABIT / 10 * 12)).isEqualTo(LESS / 10 * 12);
    }

    @Test
    void whoHasNothingToSendIsNotStuck() {
        assertThat(lookFor(BbrStartup.PATIENCE, GIGABIT)).isZero();
        assertThat(look(false, true, GIGABIT)).isZero();
        assertThat(lookFor(BbrStartup.PATIENCE - LOOK, GIGABIT)).isZero();
        assertThat(look(true, true, GIGABIT)).isEqualTo(LESS);
    }

    @Test
    void whatDoesNotHelpEnds() {
        lookFor(LOOK + BbrStartup.PATIENCE, GIGABIT);
        for (long until = now + BbrStartup.GIVE_UP - LOOK; now < until; ) {
            assertThat(look(true, true, GIGABIT)).isEqualTo(LESS);
        }
        assertThat(look(true, true, GIGABIT)).isZero();
        assertThat(look(true, true, GIGABIT)).isZero();
    }

    @Test
    void afterAPauseItBeginsAnew() {
        lookFor(BbrStartup.PATIENCE, GIGABIT);
        now += TimeUnit.MINUTES.toNanos(1);
        startup.begin(now);
        assertThat(lookFor(LOOK + BbrStartup.PATIENCE, GIGABIT)).isEqualTo(LESS);
    }
}
