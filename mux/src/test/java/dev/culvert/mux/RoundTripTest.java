package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class RoundTripTest {
    private final RoundTrip roundTrip = new RoundTrip();

    @Test
    void itIsUnknownBeforeTheFirstSample() {
        assertThat(roundTrip.isKnown()).isFalse();
        roundTrip.sample(5, 0);
        assertThat(roundTrip.isKnown()).isTrue();
    }

    @Test
    void theLeastSampleCounts() {
        roundTrip.sample(20, 0);
        roundTrip.sample(10, 1);
        roundTrip.sample(30, 2);
        assertThat(roundTrip.nanos()).isEqualTo(10);
    }

    @Test
    void anOldSampleGivesWayToALongerOne() {
        roundTrip.sample(10, 0);
        roundTrip.sample(30, TimeUnit.SECONDS.toNanos(30));
        assertThat(roundTrip.nanos()).isEqualTo(10);
        roundTrip.sample(30, TimeUnit.SECONDS.toNanos(30) + 1);
        assertThat(roundTrip.nanos()).isEqualTo(30);
    }

    @Test
    void whatWasAskedByAnotherConnectionTellsNothing() {
        roundTrip.sample(10, 100);
        long later = TimeUnit.SECONDS.toNanos(60);
        roundTrip.relinked(later);
        roundTrip.sample(later, later + 5);
        assertThat(roundTrip.isKnown()).isFalse();
        assertThat(roundTrip.nanos()).isZero();
    }

    @Test
    void aNewLinkMayTakeLonger() {
        roundTrip.sample(10, 100);
        roundTrip.relinked(100);
        roundTrip.sample(500, 700);
        assertThat(roundTrip.nanos()).isEqualTo(500);
    }

    @Test
    void aClockThatDidNotMoveIsNoRoundTripOfZero() {
        roundTrip.sample(0, 0);
        assertThat(roundTrip.nanos()).isEqualTo(1);
    }
}
