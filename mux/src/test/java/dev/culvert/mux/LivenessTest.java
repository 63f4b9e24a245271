package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.mux.Liveness.Due;
import dev.culvert.mux.MuxSettings.Keepalive;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** With an interval of 5 s, a timeout of 15 s, and a handshake of 10 s. */
class LivenessTest {
    private static final long SECOND = Duration.ofSeconds(1).toNanos();

    private final Liveness liveness = new Liveness(Keepalive.DEFAULT, Duration.ofSeconds(10), 0);

    @Test
    void nothingIsDueBeforeThereIsAConnection() {
        assertThat(liveness.nextTick(false)).isEqualTo(Long.MAX_VALUE);
        assertThat(tick(3600, true)).isEqualTo(Due.WAIT);
    }

    @Test
    void aPeerThatDoesNotComeUpIsDead() {
        liveness.connected(0);
        assertThat(liveness.nextTick(false)).isEqualTo(10 * SECOND);
        assertThat(liveness.tick(10 * SECOND - 1, false, true)).isEqualTo(Due.WAIT);
        assertThat(liveness.tick(10 * SECOND, false, true)).isEqualTo(Due.DEAD);
    }

    @Test
    void bytesThatAreNoHandshakeDoNotProlongIt() {
        liveness.connected(0);
        liveness.heard(9 * SECOND);
        assertThat(liveness.tick(10 * SECOND, false, true)).isEqualTo(Due.DEAD);
    }

    @Test
    void eachIntervalBringsAProofThatWeLive() {
        up();
        assertThat(tick(4, true)).isEqualTo(Due.WAIT);
        assertThat(tick(5, true)).isEqualTo(Due.PROVE);
        assertThat(tick(9, true)).isEqualTo(Due.WAIT);
        assertThat(tick(10, true)).isEqualTo(Due.PROVE);
    }

    @Test
    void whoDoesNotAnswerIsSilentHoweverOftenItIsAsked() {
        up();
        liveness.asked(5 * SECOND);
        assertThat(liveness.isSilent(6 * SECOND, SECOND)).isFalse();
        assertThat(liveness.isSilent(6 * SECOND + 1, SECOND)).isTrue();

        liveness.asked(10 * SECOND);
        assertThat(liveness.isSilent(10 * SECOND, SECOND)).isTrue();

        liveness.heard(11 * SECOND);
        assertThat(liveness.isSilent(12 * SECOND, SECOND)).isFalse();
    }

    @Test
    void aSilentPeerIsDeadAfterTheTimeout() {
        up();
        tick(5, true);
        tick(10, true);
        assertThat(liveness.nextTick(true)).isEqualTo(15 * SECOND);
        assertThat(tick(15, true)).isEqualTo(Due.DEAD);
    }

    @Test
    void anyByteProvesThatThePeerLives() {
        up();
        for (int second = 1; second < 100; second++) {
            liveness.heard(second * SECOND);
            assertThat(tick(second, true)).isNotEqualTo(Due.DEAD);
        }
    }

    @Test
    void thereIsNoVerdictWhileWeDoNotRead() {
        up();
        for (int second = 5; second <= 100; second += 5) {
            assertThat(tick(second, false)).isEqualTo(Due.PROVE);
        }
    }

    @Test
    void afterAPauseThePeerHasAWholeTimeoutAgain() {
        up();
        for (int second = 5; second <= 100; second += 5) {
            tick(second, false);
        }
        assertThat(tick(105, true)).isEqualTo(Due.PROVE);
        assertThat(tick(110, true)).isEqualTo(Due.PROVE);
        assertThat(tick(115, true)).isEqualTo(Due.DEAD);
    }

    /** The process was stopped: what the peer sent meanwhile may still wait in the socket. */
    @Test
    void aLateTickGivesThePeerOneMoreInterval() {
        up();
        assertThat(tick(60, true)).isEqualTo(Due.PROVE);
        assertThat(tick(64, true)).isEqualTo(Due.WAIT);
        assertThat(tick(65, true)).isEqualTo(Due.DEAD);
    }

    @Test
    void aTickThatIsALittleLateGivesNoGrace() {
        up();
        tick(5, true);
        tick(10, true);
        assertThat(tick(20, true)).isEqualTo(Due.DEAD);
    }

    @Test
    void onlyTheLastQuestionIsAnsweredAndOnce() {
        liveness.asked(7);
        liveness.asked(8);
        assertThat(liveness.isAnswer(7)).isFalse();
        assertThat(liveness.isAnswer(8)).isTrue();
        assertThat(liveness.isAnswer(8)).isFalse();
    }

    private void up() {
        liveness.connected(0);
        liveness.up(0);
    }

    private Due tick(int second, boolean reading) {
        return liveness.tick(second * SECOND, true, reading);
    }
}
