package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class RateLimitTest {
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    @Test
    void aSecondsWorthMayBeTakenAtOnce() {
        RateLimit limit = new RateLimit(0);
        assertThat(take(limit, 10, 0)).isEqualTo(10);
    }

    @Test
    void itFillsWithTime() {
        RateLimit limit = new RateLimit(0);
        take(limit, 10, 0);
        assertThat(limit.tryTake(10, SECOND / 10 - 1)).isFalse();
        assertThat(take(limit, 10, SECOND / 2)).isEqualTo(5);
    }

    @Test
    void aLongRestBringsNoMoreThanASecondsWorth() {
        RateLimit limit = new RateLimit(0);
        take(limit, 10, 0);
        assertThat(take(limit, 10, 3600 * SECOND)).isEqualTo(10);
    }

    @Test
    void refusedAttemptsCostNothing() {
        RateLimit limit = new RateLimit(0);
        take(limit, 1, 0);
        for (long now = 0; now < SECOND; now += SECOND / 100) {
            assertThat(limit.tryTake(1, now)).isFalse();
        }
        assertThat(limit.tryTake(1, SECOND)).isTrue();
    }

    @Test
    void theClockMayWrapAround() {
        RateLimit limit = new RateLimit(Long.MAX_VALUE);
        assertThat(take(limit, 10, Long.MAX_VALUE)).isEqualTo(10);
        assertThat(take(limit, 10, Long.MAX_VALUE + SECOND / 2)).isEqualTo(5);
    }

    @Test
    void severalThreadsTakeNoMoreThanOne() throws InterruptedException {
        RateLimit limit = new RateLimit(0);
        AtomicInteger taken = new AtomicInteger();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            threads.add(new Thread(() -> taken.addAndGet(take(limit, 100_000, 0))));
        }
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(taken).hasValue(100_000);
    }

    private static int take(RateLimit limit, int perSecond, long now) {
        int taken = 0;
        while (limit.tryTake(perSecond, now)) {
            taken++;
        }
        return taken;
    }
}
