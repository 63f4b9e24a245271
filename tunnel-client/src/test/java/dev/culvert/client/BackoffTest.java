package dev.culvert.client;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class BackoffTest {
    private static final Duration MIN = Duration.ofMillis(100);
    private static final Duration MAX = Duration.ofSeconds(5);

    private final Backoff backoff = new Backoff(MIN, MAX, new Random(42));

    @Test
    void pausesDoubleUpToTheLongestAndAreAtLeastHalfOfThat() {
        long ceiling = 100;
        for (int i = 0; i < 20; i++) {
            assertThat(backoff.next().toMillis()).isBetween(ceiling / 2, ceiling);
            ceiling = Math.min(2 * ceiling, MAX.toMillis());
        }
    }

    @Test
    void pausesDifferFromOneAnother() {
        for (int i = 0; i < 10; i++) {
            backoff.next();
        }
        assertThat(Stream.generate(backoff::next).limit(10).distinct()).hasSizeGreaterThan(5);
    }

    @Test
    void afterAResetTheShortestComesFirst() {
        for (int i = 0; i < 10; i++) {
            backoff.next();
        }
        backoff.reset();
        assertThat(backoff.next()).isLessThanOrEqualTo(MIN);
    }
}
