package dev.culvert.bench;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class WarmUpTest {
    private static int rounds(Metric metric, double... values) {
        WarmUp warmUp = new WarmUp(metric);
        int rounds = 0;
        while (warmUp.goesOnAfter(values[Math.min(rounds, values.length - 1)])) {
            rounds++;
        }
        return rounds + 1;
    }

    @Test
    void whatIsAsFastFromTheBeginningHasThree() {
        assertThat(rounds(Metric.higher("rate", "1/s"), 100, 102, 99)).isEqualTo(3);
        assertThat(rounds(Metric.lower("time", "ms"), 100, 102, 99)).isEqualTo(3);
    }

    @Test
    void whatGetsFasterGoesOnUntilItDoesNot() {
        assertThat(rounds(Metric.higher("rate", "1/s"), 100, 200, 190, 300, 301, 299))
                .isEqualTo(6);
        assertThat(rounds(Metric.lower("time", "ms"), 10, 5, 4, 3.9)).isEqualTo(5);
    }

    @Test
    void itEnds() {
        assertThat(rounds(Metric.higher("rate", "1/s"), 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024))
                .isEqualTo(10);
    }
}
