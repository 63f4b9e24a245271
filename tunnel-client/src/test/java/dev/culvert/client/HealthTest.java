package dev.culvert.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.MockTicker;
import io.netty.util.concurrent.Ticker;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class HealthTest {
    private static final Duration INTERVAL = Duration.ofSeconds(10);

    private final MockTicker ticker = Ticker.newMockTicker();
    private final EmbeddedChannel loop =
            EmbeddedChannel.builder().ticker(ticker).build();
    private final List<String> told = new ArrayList<>();
    private Health health = health(Health.State.UNKNOWN);
    private boolean answers;
    private int looks;

    private Health health(Health.State state) {
        return new Health(
                loop.eventLoop(),
                new HealthConfig(INTERVAL, Duration.ofSeconds(2), 3, 2),
                state,
                this::answer,
                (up, reason) -> told.add(up ? "up" : "down: " + reason));
    }

    private Future<?> answer() {
        looks++;
        return answers
                ? loop.eventLoop().newSucceededFuture(null)
                : loop.eventLoop().newFailedFuture(new IOException("it is down"));
    }

    @AfterEach
    void close() {
        loop.close();
    }

    /** So many looks, each with this answer. */
    private void looks(int count, boolean answer) {
        answers = answer;
        for (int i = 0; i < count; i++) {
            if (looks == 0) {
                health.look();
            } else {
                ticker.advance(INTERVAL.toNanos(), TimeUnit.NANOSECONDS);
                loop.runScheduledPendingTasks();
            }
            loop.runPendingTasks();
        }
    }

    @Test
    void theFirstLookDecidesHowItBegins() {
        looks(1, true);
        assertThat(told).containsExactly("up");
    }

    @Test
    void whatIsDownAtFirstComesUpAfterSomeSuccesses() {
        looks(1, false);
        assertThat(told).containsExactly("down: it is down");
        looks(1, true);
        looks(1, false);
        looks(1, true);
        assertThat(told).hasSize(1);
        looks(1, true);
        assertThat(told).containsExactly("down: it is down", "up");
    }

    @Test
    void itIsDownAfterSomeFailuresInARowAndIsToldOnce() {
        looks(2, true);
        looks(2, false);
        looks(1, true);
        looks(2, false);
        assertThat(told).containsExactly("up");
        looks(3, false);
        assertThat(told).containsExactly("up", "down: it is down");
    }

    @Test
    void itIsNotLookedAtAnyMoreWhenItIsStopped() {
        looks(2, true);
        health.stop();
        looks(3, false);
        assertThat(looks).isEqualTo(2);
        assertThat(told).containsExactly("up");
    }

    /** Goes on by another one, as after a reload. */
    private void again() {
        health.stop();
        health = health(health.state());
        looks = 0;
    }

    @Test
    void whatIsKnownStaysKnown() {
        looks(1, true);
        looks(1, false);
        again();
        looks(1, false);
        assertThat(told).containsExactly("up");
        looks(1, false);
        assertThat(told).containsExactly("up", "down: it is down");

        again();
        looks(1, true);
        assertThat(told).hasSize(2);
        looks(1, true);
        assertThat(told).containsExactly("up", "down: it is down", "up");
    }
}
