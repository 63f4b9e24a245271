package dev.culvert.common.splice;

import dev.culvert.common.rate.Bucket;
import io.netty.buffer.ByteBuf;
import io.netty.util.concurrent.EventExecutor;
import java.util.ArrayDeque;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One direction of a connection that is limited: holds bytes back until its buckets let them go, a quantum at a time,
 * and the end of the direction until the last of them has gone. What it holds is bounded by those who stop giving: the
 * source is not read meanwhile, the peer gets no credit.
 *
 * <p>Event loop only. Owns what it holds.
 */
final class Throttle {
    private final Allowance allowance;
    private final Consumer<ByteBuf> out;
    private final BooleanSupplier room;
    private final ArrayDeque<ByteBuf> held = new ArrayDeque<>(2);
    private int heldBytes;
    private @Nullable Runnable end;

    /**
     * @param out takes what is let go
     * @param room whether {@code out} can do something with more; when that has become true, {@link #proceed} is to be
     *     called
     */
    Throttle(
            Connection connection,
            EventExecutor loop,
            List<Bucket> buckets,
            Consumer<ByteBuf> out,
            BooleanSupplier room) {
        allowance = new Allowance(connection, loop, buckets);
        this.out = out;
        this.room = room;
    }

    /** How much to {@link #add} at once, bytes: more would only be held back. */
    int quantum() {
        return allowance.quantum();
    }

    /** From now on these count, at least one. */
    void use(List<Bucket> buckets) {
        if (!allowance.isOf(buckets)) {
            allowance.use(buckets);
            proceed();
        }
    }

    /** Lets go of all that it holds, and of the end; nothing is added after this. */
    void letAllGo() {
        allowance.stopWaiting();
        pass(heldBytes);
    }

    /** Takes {@code data}. */
    void add(ByteBuf data) {
        held.add(data);
        heldBytes += data.readableBytes();
        proceed();
    }

    /** Runs {@code action} when nothing is held any more; nothing is added after this. */
    void end(Runnable action) {
        end = action;
        endIfEmpty();
    }

    /** Whether all has gone, and the end, if it is known. */
    boolean isEmpty() {
        return heldBytes == 0 && end == null;
    }

    /** Lets go what it may. */
    void proceed() {
        while (!allowance.isWaiting() && heldBytes > 0 && room.getAsBoolean()) {
            int bytes = Math.min(heldBytes, allowance.quantum());
            boolean taken = allowance.take(bytes, () -> {
                pass(bytes);
                proceed();
            });
            if (taken) {
                pass(bytes);
            }
        }
    }

    private void pass(int bytes) {
        heldBytes -= bytes;
        int left = bytes;
        ByteBuf head;
        while (left > 0 && (head = held.poll()) != null) {
            int n = head.readableBytes();
            if (n > left) {
                ByteBuf part = head.readRetainedSlice(left);
                held.addFirst(head.slice()); // one that has nothing before it, where a header would go into the part
                out.accept(part);
                return;
            }
            left -= n;
            out.accept(head);
        }
        endIfEmpty();
    }

    private void endIfEmpty() {
        if (heldBytes == 0 && end != null) {
            Runnable action = end;
            end = null;
            action.run();
        }
    }

    /** Drops what it holds, and the end. */
    void drop() {
        allowance.stopWaiting();
        end = null;
        heldBytes = 0;
        ByteBuf data;
        while ((data = held.poll()) != null) {
            data.release();
        }
    }
}
