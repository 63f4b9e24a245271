package dev.culvert.common.lifecycle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.netty.util.concurrent.DefaultEventExecutorGroup;
import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.MockTicker;
import io.netty.util.concurrent.Ticker;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

final class LoopWatchTest {
    private final DefaultEventExecutorGroup loops = new DefaultEventExecutorGroup(2);
    private final MockTicker clock = Ticker.newMockTicker();
    private final LoopWatch watch = new LoopWatch(loops, clock);
    private final CountDownLatch stuck = new CountDownLatch(1);

    @AfterEach
    void close() {
        stuck.countDown();
        loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
    }

    @Test
    void loopsThatWorkAnswer() {
        watch.ask();

        await().until(watch::allHaveAnswered);
        assertThat(watch.stuck()).isEmpty();
        assertThat(watch.loops())
                .hasSize(2)
                .allSatisfy(loop -> assertThat(loop.lagNanos()).isZero());
    }

    @Test
    void oneThatIsStuckIsNamedWithWhatItIsAt() throws InterruptedException {
        block(loops.next());
        for (int second = 0; second < 3; second++) {
            watch.ask();
            clock.advance(1, TimeUnit.SECONDS);
        }

        await().untilAsserted(() -> assertThat(watch.stuck())
                .singleElement()
                .asString()
                .contains("CountDownLatch.await")
                .contains("LoopWatchTest"));
        assertThat(watch.allHaveAnswered()).isFalse();
        assertThat(watch.loops())
                .anySatisfy(loop -> assertThat(loop.lagNanos()).isEqualTo(TimeUnit.SECONDS.toNanos(3)));
    }

    @Test
    void aProcessThatWasStoppedHasNoLoopThatIsStuck() throws InterruptedException {
        block(loops.next());
        watch.ask();
        clock.advance(20, TimeUnit.SECONDS);

        assertThat(watch.stuck()).isEmpty();
        watch.ask();
        assertThat(watch.stuck()).isEmpty();
    }

    @Test
    void oneThatWorksAgainAnswersTheOldQuestion() throws InterruptedException {
        block(loops.next());
        watch.ask();
        clock.advance(1, TimeUnit.SECONDS);
        watch.ask();
        stuck.countDown();

        await().until(watch::allHaveAnswered);
        assertThat(watch.loops())
                .anySatisfy(loop -> assertThat(loop.lagNanos()).isEqualTo(TimeUnit.SECONDS.toNanos(1)));
    }

    private void block(EventExecutor loop) throws InterruptedException {
        CountDownLatch begun = new CountDownLatch(1);
        loop.execute(() -> {
            begun.countDown();
            try {
                stuck.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        begun.await();
    }
}
