package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class RateLimitTest {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    @Test
    void aSecondsWorthMayBeTakenAtOnce() {
        RateLimit limit = new RateLimit(10, 0);
        assertThat(take(limit, 0)).isEqualTo(10);
    }

    @Test
    void itFillsWithTime() {
        RateLimit limit = new RateLimit(10, 0);
        take(limit, 0);
        assertThat(limit.tryTake(SECOND / 10 - 1)).isFalse();
        assertThat(take(limit, SECOND / 2)).isEqualTo(5);
    }

    @Test
    void aLongRestBringsNoMoreThanASecondsWorth() {
        RateLimit limit = new RateLimit(10, 0);
        take(limit, 0);
        assertThat(take(limit, 3600 * SECOND)).isEqualTo(10);
    }

    @Test
    void refusedAttemptsCostNothing() {
        RateLimit limit = new RateLimit(1, 0);
        take(limit, 0);
        for (long now = 0; now < SECOND; now += SECOND / 100) {
            assertThat(limit.tryTake(now)).isFalse();
        }
        assertThat(limit.tryTake(SECOND)).isTrue();
    }

    private static int take(RateLimit limit, long now) {
        int taken = 0;
        while (limit.tryTake(now)) {
            taken++;
        }
        return taken;
    }
}
