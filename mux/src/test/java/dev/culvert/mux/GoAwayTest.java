package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class GoAwayTest {
    private static final long NOW = 1_000;
    private static final long PATIENCE = 50;

    private final GoAway goAway = new GoAway();

    @Test
    void atFirstBothSidesOpenStreams() {
        assertThat(goAway.letsUsOpen()).isTrue();
        assertThat(goAway.letsPeerOpen()).isTrue();
        assertThat(goAway.isDraining()).isFalse();
        assertThat(goAway.deadline()).isEqualTo(Long.MAX_VALUE);
    }

    @Test
    void whatThePeerOpensBeforeItsAnswerIsTaken() {
        goAway.say();
        long question = goAway.call(NOW, PATIENCE);
        assertThat(goAway.letsUsOpen()).isFalse();
        assertThat(goAway.letsPeerOpen()).isTrue();
        assertThat(goAway.isDraining()).isFalse();
        assertThat(goAway.isAnswered(question)).isTrue();
        assertThat(goAway.letsPeerOpen()).isFalse();
        assertThat(goAway.isDraining()).isTrue();
    }

    @Test
    void theAnswerToAProbeIsNone() {
        goAway.say();
        goAway.call(NOW, PATIENCE);
        assertThat(goAway.isAnswered(NOW)).isFalse();
        assertThat(goAway.letsPeerOpen()).isTrue();
    }

    @Test
    void aPeerThatDoesNotAnswerIsNotWaitedForLonger() {
        goAway.say();
        goAway.call(NOW, PATIENCE);
        assertThat(goAway.deadline()).isEqualTo(NOW + PATIENCE);
        assertThat(goAway.isUnanswered(NOW + PATIENCE - 1)).isFalse();
        assertThat(goAway.isUnanswered(NOW + PATIENCE)).isTrue();
        assertThat(goAway.letsPeerOpen()).isFalse();
        assertThat(goAway.isUnanswered(NOW + PATIENCE)).as("told once").isFalse();
    }

    @Test
    void onAnotherConnectionTheWaitBeginsAgain() {
        goAway.say();
        long question = goAway.call(NOW, PATIENCE);
        goAway.callAgain(2 * NOW);
        assertThat(goAway.deadline()).isEqualTo(2 * NOW + RoundTrip.PATIENCE);
        assertThat(goAway.isAnswered(question)).isTrue();
        goAway.callAgain(3 * NOW);
        assertThat(goAway.deadline()).as("it is over").isEqualTo(Long.MAX_VALUE);
    }

    @Test
    void thePeersFirstIsNewsAndItsLastCounts() {
        assertThat(goAway.hear(ErrorCode.CANCELLED, "soon")).isTrue();
        assertThat(goAway.hear(ErrorCode.TIMEOUT, "now")).isFalse();
        assertThat(goAway.heard()).isEqualTo(new GoAway.Heard(ErrorCode.TIMEOUT, "now"));
        assertThat(goAway.letsUsOpen()).isFalse();
        assertThat(goAway.letsPeerOpen()).isTrue();
        assertThat(goAway.isDraining()).isTrue();
    }
}
