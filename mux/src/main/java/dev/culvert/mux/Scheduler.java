package dev.culvert.mux;

import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * Decides which stream sends next: deficit round robin by bytes, and a stream that was quiet goes first.
 *
 * <p>A stream that has something to send stands in one of two queues. It enters by {@code fresh}, which is served
 * before {@code busy}: so a keystroke overtakes a download. When it has sent its quantum it goes to the end of
 * {@code busy}, where every stream sends a quantum a round; what it sent beyond is its debt in the next round. A fresh
 * stream that has sent all it had passes through {@code busy} once before it may be fresh again, so that short bursts
 * cannot starve the others: they get twice their share at most.
 *
 * <p>Source: M. Shreedhar, G. Varghese, "Efficient Fair Queuing using Deficit Round Robin" (1995); the two queues are
 * those of RFC 8290, section 4.2.
 */
final class Scheduler {
    /** What the scheduler keeps on each stream. */
    static final class Turn {
        private boolean queued;
        private int deficit;
    }

    /** A stream that has no more than that to send is no bulk: some keystrokes, a question, bytes. */
    static final int LITTLE = 2 << 10;

    /**
     * What a stream sends in a round, bytes. Less than a frame may have: who has sent more lets as many rounds pass.
     * The shorter a round, the sooner a stream has its turn that has little to send and has just had one.
     */
    private static final int QUANTUM = 4 << 10;

    private final ArrayDeque<MuxStream> fresh = new ArrayDeque<>();
    private final ArrayDeque<MuxStream> busy = new ArrayDeque<>();
    /** As of the last turn: who stands in {@link #busy} then is bulk. */
    private boolean bulkWaits;

    /** The stream has something that it may send. */
    void activate(MuxStream stream) {
        Turn turn = stream.turn();
        if (!turn.queued) {
            turn.queued = true;
            turn.deficit = QUANTUM;
            fresh.add(stream);
        }
    }

    /**
     * The stream whose turn it is, or null where none can send. It must then send one frame and say so to
     * {@link #sent}.
     */
    @Nullable MuxStream next() {
        bulkWaits = false;
        while (true) {
            boolean isFresh = !fresh.isEmpty();
            MuxStream stream = isFresh ? fresh.peek() : busy.peek();
            if (stream == null) {
                return null;
            }
            Turn turn = stream.turn();
            if (turn.deficit <= 0) { // also if it has no more to send: who sends again then has its debt still
                turn.deficit += QUANTUM;
                busy.add((isFresh ? fresh : busy).remove());
            } else if (stream.canSend()) {
                return stream;
            } else if (isFresh && !busy.isEmpty()) {
                busy.add(fresh.remove());
            } else {
                turn.queued = false;
                (isFresh ? fresh : busy).remove();
                stream.parked();
            }
        }
    }

    /** The same for a moment in which bulk waits: a stream that has {@link #LITTLE} to send, or null. */
    @Nullable MuxStream nextOfLittle() {
        if (!bulkWaits) {
            bulkWaits = true;
            for (int streams = busy.size(); streams > 0; streams--) {
                fresh.add(busy.remove());
            }
        }
        MuxStream stream;
        while ((stream = fresh.peek()) != null) {
            Turn turn = stream.turn();
            if (!stream.canSend()) { // it leaves, to be fresh when it has something
                fresh.remove();
                turn.queued = false;
                stream.parked();
            } else if (turn.deficit <= 0 || stream.queuedBytes() > LITTLE) {
                busy.add(fresh.remove());
            } else {
                return stream;
            }
        }
        return null;
    }

    /** Streams that stand in line, also those that have ended meanwhile. */
    int size() {
        return fresh.size() + busy.size();
    }

    /** The stream sent this many bytes. */
    void sent(MuxStream stream, int bytes) {
        stream.turn().deficit -= bytes;
    }
}
