package dev.culvert.mux;

import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.ToLongFunction;

/**
 * What a session holds for its streams, and what happens when it is too much: streams take less, and the largest are
 * ended. Where there are no windows, which would bound what the peer sends, it is not read for a while instead.
 */
final class Memory {
    /** Writes need not be shorter, however many streams there are, bytes. */
    private static final int MIN_WRITE = 1024;
    /** Where streams hold too much, at least this part of it is freed at once. */
    private static final int FREED_PART = 16;

    private final MuxSettings.Flow flow;
    private final MemoryBudget budget;
    private final StreamTable streams;
    private final Link link;
    private boolean pauses;

    Memory(MuxSettings.Flow flow, MemoryBudget budget, StreamTable streams, Link link) {
        this.flow = flow;
        this.budget = budget;
        this.streams = streams;
        this.link = link;
    }

    /** The version that is spoken has none. */
    void withoutWindows() {
        pauses = true;
    }

    /** The accounts, for who takes of it by itself: windows, and what is kept. */
    MemoryBudget budget() {
        return budget;
    }

    // ---- what is received

    void received(int bytes) {
        budget.use(bytes);
    }

    void consumed(long bytes) {
        budget.free(bytes);
        if (!link.isReading() && budget.isHalfFree()) {
            link.reading(true);
        }
    }

    // ---- what waits to be sent

    void queued(int bytes) {
        budget.queue(bytes);
    }

    /** Queued bytes were sent or dropped. */
    void unqueued(int bytes) {
        budget.queue(-bytes);
    }

    /** While much waits in all, a stream may only queue one write at a time. */
    int sendQueueLimit() {
        return budget.isCongested() ? 1 : flow.sendQueue();
    }

    /** As many whole frames of so many bytes as the queue takes, or less while much waits in all. */
    int maxWrite(int frame) {
        int most = Math.max(frame, flow.sendQueue() / frame * frame);
        return (int) Math.min(most, Math.max(MIN_WRITE, budget.share(streams.size())));
    }

    // ---- too much

    /** Throws where no stream has what is too much. */
    void keepToBudget() throws ProtocolViolation {
        if (budget.isOwedByFrames()) {
            throw new ProtocolViolation(
                    ErrorCode.LIMIT_REACHED,
                    "frames wait that the peer does not read, and all sessions together hold more memory than they may");
        }
        if (budget.isOverdrawn()) {
            if (pauses) {
                link.reading(false); // without windows, this is all there is
            } else {
                endLargest(
                        MuxStream::unreadMemory,
                        budget::isOverdrawn,
                        "the session holds " + budget.used() + " bytes, more than its budget");
            }
        }
        if (budget.isOwed()) {
            link.giveUp();
        }
        if (budget.isOwed()) {
            endLargest(MuxStream::heldMemory, budget::isOwed, "all sessions together hold more memory than they may");
        }
    }

    /**
     * Ends the streams that hold the most, until it is no longer {@code tooMuch} and a part of what they held is free:
     * to look for them is work for each stream, and a peer could ask for that with each frame.
     */
    private void endLargest(ToLongFunction<MuxStream> held, BooleanSupplier tooMuch, String why) {
        List<MuxStream> largest = streams.largestFirst(held);
        long toFree = largest.stream().mapToLong(held).sum() / FREED_PART;
        for (MuxStream stream : largest) {
            if (budget.isClosed() || (toFree <= 0 && !tooMuch.getAsBoolean())) {
                return; // a listener may have ended the session
            }
            toFree -= held.applyAsLong(stream);
            stream.resetByLimit(ErrorCode.LIMIT_REACHED, why + ", and this stream the most of it");
        }
    }
}
