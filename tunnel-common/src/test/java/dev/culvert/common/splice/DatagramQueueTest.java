package dev.culvert.common.splice;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.common.splice.Datagrams.Loss;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.util.concurrent.MockTicker;
import io.netty.util.concurrent.Ticker;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class DatagramQueueTest {
    /** So large that nothing is left. */
    private static final int ALL = (int) DatagramMemory.MOST - DatagramMemory.cost(0);

    private final DatagramMemory memory = new DatagramMemory();
    private final List<Loss> lost = new ArrayList<>();
    private final MockTicker clock = Ticker.newMockTicker();
    private final EmbeddedChannel channel =
            EmbeddedChannel.builder().ticker(clock).build();
    private final DatagramQueue queue = new DatagramQueue(channel.eventLoop(), clock::nanoTime, memory, lost::add);

    @AfterEach
    void nothingIsLeft() {
        queue.end();
        channel.finishAndReleaseAll();
        assertThat(memory.taken()).isZero();
    }

    private void add(int name, int bytes) {
        queue.add(Unpooled.buffer(bytes, bytes).writeByte(name).writeZero(bytes - 1));
    }

    private int poll() {
        ByteBuf datagram = Objects.requireNonNull(queue.poll());
        int name = datagram.readByte();
        datagram.release();
        return name;
    }

    @Test
    void whatIsTooMuchPushesTheOldestOut() {
        for (int i = 0; i < 10; i++) {
            add(i, DatagramQueue.MOST / 4 - DatagramMemory.cost(0));
        }

        assertThat(lost).hasSize(6).containsOnly(Loss.QUEUE_FULL);
        assertThat(memory.taken()).isEqualTo(DatagramQueue.MOST);
        assertThat(poll()).isEqualTo(6);
    }

    @Test
    void emptyOnesAreNotForNothing() {
        for (int i = 0; i < 10_000; i++) {
            add(1, 2);
        }

        assertThat(lost).hasSizeGreaterThan(7_000);
    }

    private void passMillis(int millis) {
        clock.advance(millis, TimeUnit.MILLISECONDS);
        channel.runScheduledPendingTasks();
    }

    @Test
    void whatHasWaitedTooLongIsDroppedAndTheTimerEnds() {
        add(1, 100);
        passMillis(30);
        add(2, 100);
        passMillis(20);
        assertThat(lost).isEmpty();

        passMillis(1);
        assertThat(lost).containsExactly(Loss.LATE);
        assertThat(queue.next()).isEqualTo(100);

        passMillis(30);
        assertThat(lost).containsExactly(Loss.LATE, Loss.LATE);
        assertThat(queue.next()).isEqualTo(-1);
        assertThat(memory.taken()).isZero();
        assertThat(channel.hasPendingTasks()).isFalse();
    }

    @Test
    void whereTheLoopStoodStillWhatCanGoGoes() {
        add(1, 100);
        clock.advance(1, TimeUnit.SECONDS);

        add(2, 100);
        assertThat(queue.next()).isEqualTo(100);
        assertThat(poll()).isEqualTo(1);

        channel.runScheduledPendingTasks();
        assertThat(lost).isEmpty();
        assertThat(poll()).isEqualTo(2);
    }

    @Test
    void whereOthersHaveAllTheMemoryTheNewestIsDropped() {
        assertThat(memory.take(ALL)).isTrue();
        add(1, 100);
        memory.give(ALL);

        assertThat(queue.isEmpty()).isTrue();
        assertThat(lost).containsExactly(Loss.QUEUE_FULL);
    }
}
