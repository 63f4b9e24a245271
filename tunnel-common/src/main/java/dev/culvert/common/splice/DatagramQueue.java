package dev.culvert.common.splice;

import dev.culvert.common.splice.Datagrams.Loss;
import io.netty.buffer.ByteBuf;
import io.netty.util.concurrent.EventExecutor;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Datagrams of one flow that wait for its stream: a few, and not for long. Where there are too many the oldest is
 * dropped, not the newest: what comes last is worth most to a call or a game, a question that was asked again replaces
 * the one before, and a queue that has stood still while the link was lost holds nothing old when it goes on.
 *
 * <p>Event loop only.
 */
final class DatagramQueue {
    /** Bytes. */
    static final int MOST = 256 << 10;
    /**
     * What has waited longer is dropped, by the timer and nothing else: where the loop itself stood still, as it does
     * on a busy machine, what can be sent comes before the verdict.
     */
    static final Duration OLDEST = Duration.ofMillis(50);

    private final ArrayDeque<Waiting> waiting = new ArrayDeque<>(0);
    private final EventExecutor loop;
    private final LongSupplier clock;
    private final DatagramMemory memory;
    private final Consumer<Loss> lost;
    private int held;
    private boolean timed;

    private record Waiting(ByteBuf datagram, int bytes, long since) {}

    /**
     * @param clock of {@code loop}, ns
     * @param lost told of each datagram that is dropped
     */
    DatagramQueue(EventExecutor loop, LongSupplier clock, DatagramMemory memory, Consumer<Loss> lost) {
        this.loop = loop;
        this.clock = clock;
        this.memory = memory;
        this.lost = lost;
    }

    boolean isEmpty() {
        return waiting.isEmpty();
    }

    /** Takes {@code datagram}. */
    void add(ByteBuf datagram) {
        int size = datagram.readableBytes();
        while (!waiting.isEmpty() && held + DatagramMemory.cost(size) > MOST) {
            drop(Loss.QUEUE_FULL);
        }
        while (!memory.take(size)) {
            if (waiting.isEmpty()) {
                datagram.release();
                lost.accept(Loss.QUEUE_FULL);
                return;
            }
            drop(Loss.QUEUE_FULL);
        }
        held += DatagramMemory.cost(size);
        waiting.add(new Waiting(datagram, size, clock.getAsLong()));
        setTimer();
    }

    /** What nobody asks for must not keep the memory from others. */
    private void setTimer() {
        Waiting head = waiting.peek();
        if (!timed && head != null) {
            timed = true;
            loop.schedule(
                    () -> {
                        timed = false;
                        dropLate();
                        setTimer();
                    },
                    head.since + OLDEST.toNanos() + 1 - clock.getAsLong(),
                    TimeUnit.NANOSECONDS);
        }
    }

    /** How long the next one is, bytes; -1: there is none. */
    int next() {
        Waiting head = waiting.peek();
        return head == null ? -1 : head.bytes;
    }

    /** Bytes of all that wait, and what there is around each. */
    int held() {
        return held;
    }

    /** The next one, which belongs to the caller; null: there is none. */
    @Nullable ByteBuf poll() {
        Waiting head = waiting.poll();
        if (head == null) {
            return null;
        }
        leave(head);
        return head.datagram;
    }

    /** Drops all: their flow has ended. */
    void end() {
        while (!waiting.isEmpty()) {
            drop(Loss.ENDED);
        }
    }

    private void dropLate() {
        long now = clock.getAsLong();
        for (Waiting head = waiting.peek();
                head != null && now - head.since > OLDEST.toNanos();
                head = waiting.peek()) {
            drop(Loss.LATE);
        }
    }

    private void drop(Loss why) {
        Waiting head = waiting.remove();
        leave(head);
        head.datagram.release();
        lost.accept(why);
    }

    private void leave(Waiting head) {
        held -= DatagramMemory.cost(head.bytes);
        memory.give(head.bytes);
    }
}
