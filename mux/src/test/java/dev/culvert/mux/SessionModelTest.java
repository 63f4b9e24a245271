package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Two sessions do everything at random over a good link, in each version. The seed is in the test's name. */
class SessionModelTest {
    private static final int SEEDS = 40;
    private static final int STEPS = 3_000;

    static Stream<Arguments> runs() {
        return Stream.of(ProtocolVersion.values())
                .flatMap(version -> IntStream.rangeClosed(1, SEEDS).mapToObj(seed -> Arguments.of(version, seed)));
    }

    @ParameterizedTest(name = "{0}, seed {1}")
    @MethodSource("runs")
    void whatArrivesIsWhatWasSentAndInTheEndNothingIsLeft(ProtocolVersion version, int seed) {
        Simulation run = Simulation.run(version, false, seed, STEPS);
        assertThat(run.ended()).isGreaterThan(50);
    }
}
