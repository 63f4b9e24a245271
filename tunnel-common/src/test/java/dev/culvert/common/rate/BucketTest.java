package dev.culvert.common.rate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.common.config.RateConfig;
import io.netty.channel.EventLoop;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.util.concurrent.MockTicker;
import io.netty.util.concurrent.Ticker;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BucketTest {
    /** A quantum of it is 20,000 bytes. */
    private static final long RATE = 4_000_000;

    private final MockTicker clock = Ticker.newMockTicker();
    private final EmbeddedChannel channel =
            EmbeddedChannel.builder().ticker(clock).build();
    private final EventLoop loop = channel.eventLoop();

    @AfterEach
    void close() {
        channel.finishAndReleaseAll();
    }

    private Bucket bucket(long rate) {
        return new Bucket(rate, clock);
    }

    private void pass(long millis) {
        for (long i = 0; i < millis; i++) {
            clock.advance(1, TimeUnit.MILLISECONDS);
            channel.runScheduledPendingTasks();
            channel.runPendingTasks();
        }
    }

    /** Takes what it can get, so many bytes at a time. */
    private final class Taker {
        private final Share share;
        private final int bytes;
        private Turn turn;
        private long taken;
        private boolean stopped;

        Taker(int bytes, Bucket... buckets) {
            share = new Share(List.of(buckets), loop);
            this.bytes = bytes;
            turn = next();
            go();
        }

        Taker(Bucket bucket) {
            this(bucket.quantum(), bucket);
        }

        private Turn next() {
            return new Turn(share, bytes, () -> {
                taken += bytes;
                turn = next();
                go();
            });
        }

        private void go() {
            while (!stopped && turn.take()) {
                taken += bytes;
                turn = next();
            }
        }

        void stop() {
            stopped = true;
            turn.cancel();
        }

        long taken() {
            return taken;
        }
    }

    private static long sum(List<Taker> takers) {
        return takers.stream().mapToLong(Taker::taken).sum();
    }

    @ParameterizedTest
    @ValueSource(longs = {1 << 10, 100_000, RATE, 125_000_000, 1L << 34})
    void givesItsRateAndNoMore(long rate) {
        Bucket bucket = bucket(rate);
        Taker taker = new Taker(bucket);
        pass(10_000);
        assertThat(taker.taken()).isBetween((long) (9.999 * rate) - bucket.quantum(), 10 * rate);
    }

    @Test
    void givesNoMoreAtOnceThanComesInWithin50MsHoweverLongNobodyTookAnything() {
        Bucket bucket = bucket(RATE);
        pass(60_000);
        assertThat(new Taker(bucket).taken()).isEqualTo(RATE / 20);
    }

    @Test
    void isEmptyAtFirst() {
        assertThat(new Taker(bucket(RATE)).taken()).isZero();
    }

    @Test
    void losesNothingToAClockThatIsLateByLessThanItsDepth() {
        Taker taker = new Taker(bucket(RATE));
        for (int i = 0; i < 1000; i++) {
            clock.advance(39, TimeUnit.MILLISECONDS);
            pass(1);
        }
        assertThat(taker.taken()).isBetween(40 * RATE - 20_000, 40 * RATE);
    }

    @Test
    void whoWaitsGetsEqualTurns() {
        Bucket bucket = bucket(RATE);
        List<Taker> takers = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            takers.add(new Taker(bucket));
        }
        pass(10_000);
        assertThat(sum(takers)).isBetween(10 * RATE - bucket.quantum(), 10 * RATE);
        assertThat(takers).allSatisfy(taker -> assertThat(taker.taken()).isBetween(780_000L, 820_000L));
    }

    @Test
    void whoTakesLessLeavesTheRestToTheOthers() {
        Bucket bucket = bucket(RATE);
        Taker little = new Taker(200, bucket);
        Taker one = new Taker(bucket);
        Taker other = new Taker(bucket);
        pass(10_000);
        assertThat(little.taken()).isBetween(190_000L, 1_000_000L);
        assertThat(one.taken()).isBetween(19_400_000L, 20_000_000L);
        assertThat(other.taken()).isBetween(19_400_000L, 20_000_000L);
    }

    @Test
    void thoseOfAChainAllHold() {
        Bucket forward = bucket(RATE / 4);
        Bucket whole = bucket(RATE);
        Taker slow = new Taker(forward.quantum(), forward, whole);
        Taker fast = new Taker(whole);
        pass(10_000);
        assertThat(slow.taken()).isBetween(9_900_000L, 10_000_000L);
        assertThat(fast.taken()).isBetween(29_700_000L, 30_000_000L);
    }

    @Test
    void chainsInOppositeOrdersDoNotWaitForEachOther() {
        Bucket one = bucket(RATE);
        Bucket other = bucket(RATE);
        Taker there = new Taker(one.quantum(), one, other);
        Taker back = new Taker(one.quantum(), other, one);
        pass(10_000);
        assertThat(there.taken()).isBetween(19_500_000L, 20_500_000L);
        assertThat(back.taken()).isBetween(19_500_000L, 20_500_000L);
    }

    @Test
    void whoLeavesIsNotWaitedFor() {
        Bucket bucket = bucket(1 << 10);
        List<Taker> takers = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            takers.add(new Taker(bucket));
        }
        Taker last = new Taker(bucket);
        takers.forEach(Taker::stop);
        assertThat(bucket.waiting()).isOne();
        pass(1001);
        assertThat(last.taken()).isEqualTo(1 << 10);
    }

    @Test
    void whoLeavesGivesBackWhatItGotOfOtherBuckets() {
        Bucket forward = bucket(RATE);
        Bucket whole = bucket(1 << 10);
        pass(50);
        Taker waiting = new Taker(1 << 10, forward, whole);
        assertThat(whole.waiting()).isOne();
        waiting.stop();
        assertThat(whole.waiting()).isZero();
        assertThat(new Taker(1, forward).taken()).isEqualTo(RATE / 20);
    }

    @Test
    void whoLeavesBetweenItsTurnAndTheNewsOfItGivesThatBack() {
        Bucket bucket = bucket(RATE);
        Taker taker = new Taker(bucket);
        clock.advance(50, TimeUnit.MILLISECONDS);
        EventLoop other = EmbeddedChannel.builder().ticker(clock).build().eventLoop();
        Turn late = new Turn(new Share(List.of(bucket), other), 20_000, () -> {
            throw new AssertionError("it has left");
        });
        assertThat(late.take()).isFalse();
        taker.stop();
        channel.runScheduledPendingTasks(); // the turn has come, and its loop has not heard of that
        assertThat(bucket.waiting()).isZero();
        late.cancel();
        assertThat(new Taker(1, bucket).taken()).isEqualTo(RATE / 20);
    }

    @Test
    void whatWasNotUsedIsThereForWhoWaits() {
        Bucket bucket = bucket(1 << 10);
        pass(1_000);
        Taker greedy = new Taker(bucket);
        assertThat(greedy.taken()).isEqualTo(1 << 10);
        greedy.stop();
        Taker next = new Taker(bucket);
        pass(100);
        bucket.giveBack(1 << 10);
        pass(1);
        assertThat(next.taken()).isEqualTo(1 << 10);
    }

    @Test
    void whatCanNotBeDividedTakesInAdvanceWhatItHasBeyondAQuantum() {
        Bucket bucket = bucket(RATE);
        pass(5);
        Taker large = new Taker(50_000, bucket);
        assertThat(large.taken()).isEqualTo(50_000);
        pass(12);
        assertThat(large.taken()).isEqualTo(50_000);
        pass(10_000 - 17);
        assertThat(large.taken()).isBetween(10 * RATE - 50_000, 10 * RATE + 50_000);
    }

    @Test
    void hasATimerOnlyWhileSomebodyWaitsAndOneForAllOfThem() {
        Bucket bucket = bucket(RATE);
        pass(50);
        Turn turn = new Turn(new Share(List.of(bucket), loop), 20_000, () -> {});
        assertThat(turn.take()).isTrue();
        assertThat(channel.hasPendingTasks()).isFalse();
        List<Taker> takers = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            takers.add(new Taker(bucket));
        }
        takers.forEach(Taker::stop);
        pass(5);
        assertThat(channel.hasPendingTasks()).isFalse();
    }

    @Test
    void aLimitThatIsSetAgainKeepsTheBucketOfADirectionThatStays() {
        Limit limit = new Limit(clock);
        Limits client = Limits.ofClient(limit, new Limit(clock));
        Limits server = Limits.ofServer(limit);
        assertThat(client.fromSocket()).isEmpty();

        limit.set(new RateConfig(Optional.of(RATE), Optional.of(RATE)));
        List<Bucket> up = client.fromSocket();
        List<Bucket> down = client.toSocket();
        assertThat(server.fromSocket()).isEqualTo(down);
        assertThat(server.toSocket()).isEqualTo(up).isNotEqualTo(down);

        limit.set(new RateConfig(Optional.of(RATE), Optional.of(2 * RATE)));
        assertThat(client.fromSocket()).isEqualTo(up);
        assertThat(client.toSocket()).hasSize(1).isNotEqualTo(down);
        limit.set(RateConfig.OFF);
        assertThat(Arrays.asList(client.fromSocket(), client.toSocket())).containsOnly(List.of());
    }
}
