package dev.culvert.common.net;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** The gains for pacing are those of tcp_bbr.c: 2.89 in STARTUP, 5/4 at most where the bandwidth is known. */
class BbrStateTest {
    private static BbrState withPacingGain(int gain) {
        return new BbrState(12_500_000, 20_000, gain, 512);
    }

    @Test
    void inItsFirstStateItDoesNotKnowTheBandwidth() {
        assertThat(withPacingGain(739).knowsBandwidth()).isFalse();
        assertThat(withPacingGain(739).isStartup()).isTrue();
    }

    @Test
    void whileItLooksForMoreItDoes() {
        assertThat(withPacingGain(320).knowsBandwidth()).isTrue();
        assertThat(withPacingGain(256).knowsBandwidth()).isTrue();
        assertThat(withPacingGain(320).isStartup()).isFalse();
    }
}
