package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/**
 * Two sessions do everything at random over links that break. {@code -Dsimulation.seeds=10000} runs so many seeds;
 * {@code -Dsimulation.seed=N} only this one.
 */
class SimulationTest {
    private static final int STEPS = 1_000;

    /** All seeds of a run; which one fails is told. */
    static LongStream seeds() {
        return Optional.ofNullable(Long.getLong("simulation.seed"))
                .map(LongStream::of)
                .orElseGet(() -> LongStream.rangeClosed(1, Long.getLong("simulation.seeds", 500)));
    }

    static Simulation run(long seed) {
        return Simulation.run(ProtocolVersion.CULVERT, true, seed, STEPS);
    }

    @Test
    void sessionsOutliveTheirLinks() {
        long begun = System.nanoTime();
        var total = new Object() {
            long seeds;
            long losses;
            long ended;
        };
        seeds().forEach(seed -> {
            try {
                Simulation run = run(seed);
                total.seeds++;
                total.losses += run.losses();
                total.ended += run.ended();
            } catch (RuntimeException | AssertionError e) {
                throw new AssertionError(
                        "seed " + seed + ": " + e.getMessage() + "; run it with -Dsimulation.seed=" + seed, e);
            }
        });
        System.out.printf(
                "SimulationTest: %d steps of %d seeds, %d lost links, %d streams, %d s%n",
                total.seeds * STEPS,
                total.seeds,
                total.losses,
                total.ended,
                (System.nanoTime() - begun) / 1_000_000_000);
        assertThat(total.losses).isGreaterThan(total.seeds);
        assertThat(total.ended).isGreaterThan(total.seeds);
    }
}
