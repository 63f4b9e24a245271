package dev.culvert.common.splice;

import dev.culvert.common.rate.Bucket;
import dev.culvert.common.splice.Datagrams.Loss;
import io.netty.buffer.ByteBuf;
import io.netty.util.concurrent.EventExecutor;
import java.util.List;
import java.util.function.Consumer;

/**
 * One direction of a flow that is limited: a datagram goes when its buckets let it go, and is lost when that takes too
 * long. The counterpart of {@link Throttle} for UDP.
 *
 * <p>Event loop only. Owns what it holds.
 */
final class DatagramThrottle {
    /** What each counts at least, bytes: the headers of IPv4 and UDP. Else there could be any number of empty ones. */
    private static final int LEAST = 28;

    private final Allowance allowance;
    private final DatagramQueue queue;
    private final Consumer<ByteBuf> out;
    /** Bytes of each datagram that do not count. */
    private final int around;

    /** Bytes that were let go for a datagram which was dropped by then: the next may have them. */
    private int spare;

    /**
     * @param around bytes of each datagram that do not count, such as its length in front
     * @param lost told of each datagram that is dropped
     * @param out takes what is let go
     */
    DatagramThrottle(
            Connection connection,
            EventExecutor loop,
            List<Bucket> buckets,
            int around,
            DatagramMemory memory,
            Consumer<Loss> lost,
            Consumer<ByteBuf> out) {
        allowance = new Allowance(connection, loop, buckets);
        this.out = out;
        this.around = around;
        queue = new DatagramQueue(loop, connection::now, memory, lost);
    }

    /** From now on these count, at least one. */
    void use(List<Bucket> buckets) {
        if (!allowance.isOf(buckets)) {
            stop();
            allowance.use(buckets);
            proceed();
        }
    }

    /** Lets go of all that it holds; nothing is added after this. */
    void letAllGo() {
        stop();
        while (queue.next() >= 0) {
            passOne();
        }
    }

    /** Takes {@code datagram}. */
    void add(ByteBuf datagram) {
        queue.add(datagram);
        proceed();
    }

    private void proceed() {
        while (!allowance.isWaiting()) {
            int next = queue.next();
            if (next < 0) {
                giveBack();
                return;
            }
            int bytes = Math.max(LEAST, next - around);
            if (!hasFor(bytes)) {
                return;
            }
            spare -= bytes;
            passOne();
        }
    }

    private void passOne() {
        ByteBuf datagram = queue.poll();
        if (datagram != null) {
            out.accept(datagram);
        }
    }

    /** Whether so many bytes are there; else it waits for them. */
    private boolean hasFor(int bytes) {
        if (bytes <= spare) {
            return true;
        }
        // As many of those that wait as a turn takes: who came for each of some small ones alone would get less than
        // its part.
        int missing = Math.max(bytes, Math.min(queue.held(), allowance.quantum())) - spare;
        boolean taken = allowance.take(missing, () -> {
            spare += missing;
            proceed();
        });
        if (taken) {
            spare += missing;
        }
        return taken;
    }

    private void stop() {
        allowance.stopWaiting();
        giveBack();
    }

    private void giveBack() {
        if (spare > 0) {
            allowance.giveBack(spare);
            spare = 0;
        }
    }

    /** Drops what it holds: its flow has ended. */
    void end() {
        stop();
        queue.end();
    }
}
