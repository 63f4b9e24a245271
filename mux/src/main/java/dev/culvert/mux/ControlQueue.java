package dev.culvert.mux;

import io.netty.buffer.ByteBuf;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The frames that go before all data, in the order in which they go: what we say by ourselves, then credit, then
 * replies. A peer that asks without end can so neither delay what its own streams wait for nor, since replies have a
 * limit, have us hold them without end.
 */
final class ControlQueue {
    /** Bytes that a frame counts for at least: it is a buffer of its own. */
    private static final int LEAST = 256;

    private final int maxReplies;
    private final MemoryBudget budget;
    private final ArrayDeque<ByteBuf> own = new ArrayDeque<>();
    /**
     * Streams that owe their peer a UPD; it is written when its turn has come, so that there is never more than one.
     */
    private final ArrayDeque<MuxStream> updates = new ArrayDeque<>();

    private final ArrayDeque<ByteBuf> replies = new ArrayDeque<>();

    /** @param budget that frames count for while they wait */
    ControlQueue(int maxReplies, MemoryBudget budget) {
        this.maxReplies = maxReplies;
        this.budget = budget;
    }

    /** What we say by ourselves. Takes {@code frame}. */
    void add(ByteBuf frame) {
        own.add(frame);
        budget.say(memory(frame));
    }

    /** Whether something waits that we say by ourselves. */
    boolean hasOwn() {
        return !own.isEmpty();
    }

    /** What the peer makes us say. Takes {@code frame}. */
    void reply(ByteBuf frame) {
        replies.add(frame);
        budget.say(memory(frame));
    }

    void checkReplies() throws ProtocolViolation {
        if (hasTooManyReplies()) {
            throw new ProtocolViolation(
                    ErrorCode.LIMIT_REACHED, replies.size() + " replies wait: the peer asks, but does not read");
        }
    }

    /** Whether more replies wait than may. */
    boolean hasTooManyReplies() {
        return replies.size() > maxReplies;
    }

    /** The stream owes a UPD. */
    void update(MuxStream stream) {
        updates.add(stream);
    }

    boolean hasUpdates() {
        return !updates.isEmpty();
    }

    /** Frames that wait and that we say by ourselves, and streams, ended ones too, that wait with a UPD. */
    int size() {
        return own.size() + updates.size();
    }

    /** The frame whose turn it is; it is the caller's. */
    @Nullable ByteBuf next() {
        if (own.isEmpty()) {
            while (!updates.isEmpty()) {
                ByteBuf update = updates.remove().update();
                if (update != null) {
                    return update;
                }
            }
        }
        ByteBuf frame = own.isEmpty() ? replies.poll() : own.poll();
        if (frame != null) {
            budget.say(-memory(frame));
        }
        return frame;
    }

    /** For how many bytes all that wait count; for tests. */
    long memory() {
        return Stream.concat(own.stream(), replies.stream())
                .mapToLong(ControlQueue::memory)
                .sum();
    }

    private static int memory(ByteBuf frame) {
        return Math.max(LEAST, frame.readableBytes());
    }

    /**
     * Takes back the SYNs that have not been sent: a peer that never gets one has certainly not processed it. Returns
     * their ids.
     */
    Set<Integer> withdrawOpens() {
        Set<Integer> ids = new HashSet<>();
        own.removeIf(frame -> {
            boolean open = Frame.command(frame) == Frame.SYN;
            if (open) {
                ids.add(Frame.streamId(frame));
                drop(frame);
            }
            return open;
        });
        return ids;
    }

    /** No stream owes anything any more. */
    void dropUpdates() {
        updates.clear();
    }

    /** Drops every frame. */
    void release() {
        release(own);
        release(replies);
    }

    private void release(ArrayDeque<ByteBuf> frames) {
        frames.forEach(this::drop);
        frames.clear();
    }

    private void drop(ByteBuf frame) {
        budget.say(-memory(frame));
        frame.release();
    }
}
