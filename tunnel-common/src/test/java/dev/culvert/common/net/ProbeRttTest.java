package dev.culvert.common.net;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** A connection whose round trip takes 20 ms, looked at as often as it is asked for. */
class ProbeRttTest {
    private static final long MS = TimeUnit.MILLISECONDS.toNanos(1);
    private static final int ROUND_TRIP = 20_000;

    private long now = -3_000 * MS; // a clock may begin anywhere
    private final ProbeRtt forecast = new ProbeRtt(now);
    private int roundTrip = ROUND_TRIP;
    private boolean probing;

    ProbeRttTest() {
        forecast.look(now, ROUND_TRIP, false);
    }

    private void look() {
        now += forecast.untilNextLook();
        forecast.look(now, roundTrip, probing);
    }

    /** Looks until bulk waits, or does so no longer. Returns how long that took, ms. */
    private long until(boolean waits) {
        long from = now;
        while (forecast.bulkWaits() != waits) {
            look();
            assertThat(now - from).isLessThan(30_000 * MS);
        }
        return (now - from) / MS;
    }

    private void neverWaitsFor(long millis) {
        for (long end = now + millis * MS; now < end; look()) {
            assertThat(forecast.bulkWaits()).isFalse();
        }
    }

    @Test
    void bulkWaitsFromAMomentBeforeBbrProbesUntilItHasDoneSo() {
        assertThat(until(true)).isEqualTo(10_000 - 30);
        for (int i = 0; i < 6; i++) {
            look();
        }
        probing = true;
        long began = now;
        while (now - began < 200 * MS) {
            look();
            assertThat(forecast.bulkWaits()).isTrue();
        }
        probing = false;
        look();
        assertThat(forecast.bulkWaits()).isFalse();
        assertThat(until(true)).isBetween(10_000L - 40, 10_000L - 30);
    }

    @Test
    void itLooksCloselyOnlyWhenSomethingIsToHappen() {
        int looks = 0;
        while (!forecast.bulkWaits()) {
            look();
            looks++;
        }
        assertThat(looks).isBetween(200, 205);
        assertThat(forecast.untilNextLook()).isEqualTo(5 * MS);
    }

    @Test
    void aShorterRoundTripPutsItOff() {
        neverWaitsFor(6_000);
        roundTrip--;
        look();
        assertThat(until(true)).isBetween(10_000L - 80, 10_000L - 30);
        roundTrip--;
        look();
        assertThat(forecast.bulkWaits()).isFalse();
    }

    @Test
    void bulkGoesOnWhereNothingHappensWithinARoundTrip() {
        until(true);
        assertThat(until(false)).isBetween(30L + 20, 30L + 20 + 20);
        neverWaitsFor(30_000);
    }

    /** Bbr sees that time is up when an answer comes, and there is none where nothing is sent. */
    @Test
    void bulkGoesOnWhereBbrDoesNotEndItByItself() {
        until(true);
        probing = true;
        look();
        assertThat(until(false)).isBetween(220L, 225L);
    }

    @Test
    void whatHappenedWhileNobodyLookedIsNotGuessedAt() {
        now += 4_000 * MS;
        roundTrip--;
        forecast.look(now, roundTrip, false);
        neverWaitsFor(9_000);
    }

    @Test
    void whereNothingHappenedWhileNobodyLookedAllIsAsBefore() {
        now += 9_000 * MS;
        forecast.look(now, roundTrip, false);
        assertThat(until(true)).isEqualTo(1_000 - 30);
    }

    @Test
    void oneThatCameUnforeseenTellsWhenTheNextWillCome() {
        now += 60_000 * MS;
        forecast.look(now, roundTrip, false);
        assertThat(forecast.bulkWaits()).isFalse();
        probing = true;
        look();
        assertThat(forecast.bulkWaits()).isTrue();
        probing = false;
        look();
        assertThat(until(true)).isBetween(10_000L - 40, 10_000L - 30);
    }
}
