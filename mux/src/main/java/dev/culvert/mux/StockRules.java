package dev.culvert.mux;

import java.util.ArrayDeque;
import java.util.LinkedHashSet;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What a session does and leaves for the sake of a peer that runs the stock smux library, which does not say what it
 * can take: how much is sent to it before it would stop reading, and when it gets a FIN. With a Culvert peer nothing is
 * held back. No I/O.
 */
final class StockRules {
    /** How long a FIN waits for a UPD that will come if the peer reads at all, in nanoseconds. */
    private static final long UPDATE_PATIENCE = 5_000_000_000L;
    /**
     * For so many bytes that the peer consumes one of the streams that wait is looked at: it may have many of them, and
     * consume byte by byte. None waits for that alone, since each has something in flight that a UPD of its own will
     * tell of.
     */
    private static final int BYTES_A_LOOK = 64;

    private final MuxSettings.StockPeer peer;
    private final Consumer<MuxStream> activate;
    /** Streams that wait until the peer has consumed something of other streams. */
    private final Set<MuxStream> waiting = new LinkedHashSet<>();

    /** Streams that were not taken, and whose peer may not know them itself yet. */
    private final ArrayDeque<Refused> refused = new ArrayDeque<>();

    private boolean apply;
    private long inFlight;
    /** Bytes that the peer has consumed since those who wait were looked at. */
    private long consumed;

    /** @param at when its FIN is due */
    private record Refused(int id, long at) {}

    /** Rules that do not apply yet; {@code activate} lets a stream have its turn. */
    StockRules(MuxSettings.StockPeer peer, Consumer<MuxStream> activate) {
        this.peer = peer;
        this.activate = activate;
    }

    /** The peer is a stock one. */
    void apply() {
        apply = true;
    }

    /** Whether the peer goes on sending after our FIN. */
    boolean halfCloses() {
        return !apply || peer.halfClose();
    }

    /**
     * How long our FIN waits after a stream's last progress, in nanoseconds, while the peer has not sent its own: a
     * peer without half-close takes it for the end of both directions, and goes on answering only as long as it does
     * not have it.
     */
    long finPatience() {
        return halfCloses() ? 0 : peer.stallTimeout().toNanos();
    }

    /**
     * How long our FIN waits after a stream's last progress, in nanoseconds, once the peer has sent its own: a stock
     * peer then drops, at our FIN, what its application has not read yet. All that tells of its reading are UPD frames:
     * none comes in version 1, and in version 2 none for the last half of a window.
     *
     * <p>Source: smux 1.5.57 stream.go, tryHalfCloseCleanup; mended in 1.5.58.
     */
    long finHold(@Nullable SendWindow window) {
        long delay = peer.finDelay().toNanos();
        if (!apply || !peer.halfClose() || delay == 0) {
            return 0;
        } else if (window == null) {
            return delay;
        }
        return window.inFlight() == 0 ? 0 : window.owesUpdate() ? Math.max(delay, UPDATE_PATIENCE) : delay;
    }

    /** How long our first bytes on a stream wait that the peer opened, in nanoseconds. */
    long greetingHold() {
        return apply ? peer.greetingHold().toNanos() : 0;
    }

    /**
     * A stream of the peer was not taken. Its FIN may have to wait, as the first bytes of one that is taken do; the
     * peer would not know what to do with it.
     *
     * @param most that wait at the same time
     * @return whether it waits; else it is to be sent now
     */
    boolean holdRefusal(int id, long now, int most) {
        long hold = greetingHold();
        return hold > 0 && refused.size() < most && refused.add(new Refused(id, now + hold));
    }

    /** When the first that waits is due; {@link Long#MAX_VALUE} for never. */
    long nextRefusal() {
        return refused.isEmpty() ? Long.MAX_VALUE : refused.element().at;
    }

    /** The stream that is to hear now that it was not taken; empty for none. */
    OptionalInt dueRefusal(long now) {
        return nextRefusal() > now ? OptionalInt.empty() : OptionalInt.of(refused.remove().id);
    }

    /** How long a stream may make no progress whose peer has ended its own direction, in nanoseconds. */
    long stallTimeout() {
        return apply ? peer.stallTimeout().toNanos() : Long.MAX_VALUE;
    }

    /**
     * What a stream may send now. A stock peer stops reading altogether when its session-wide buffer is full. So a
     * stream that is read may fill no more of it than it leaves free for the others, and one that the peer has not
     * begun to read a sixteenth of that.
     *
     * <p>Some is always allowed, or a stream could wait for ever for what others have consumed without a UPD: the first
     * byte, since the peer sends a UPD when it begins to read, and then half a window, since it sends the next one when
     * it has read that much. A quarter of the buffer is kept for this.
     */
    int allowance(SendWindow window) {
        int available = window.available();
        if (!apply || available == 0) {
            return available;
        }
        long free = peer.receiveBuffer() / 4 * 3 - inFlight;
        long share = window.updated() ? free : free / 16;
        long floor = window.updated() ? Math.max(1, window.window() / 2) : 1;
        return (int) Math.max(0, Math.min(available, Math.max(share, floor) - window.inFlight()));
    }

    /** So many bytes more are on their way to the peer, or wait in it; fewer, where negative. */
    void inFlight(int bytes) {
        inFlight += bytes;
        if (bytes < 0) {
            consumed -= bytes;
            if (consumed >= (long) BYTES_A_LOOK * waiting.size()) {
                consumed = 0;
                waiting.forEach(activate);
                waiting.clear();
            }
        }
    }

    long inFlight() {
        return inFlight;
    }

    /** Lets a stream have its turn again when the peer has consumed enough to look at all who wait. */
    void waitForBuffer(MuxStream stream) {
        waiting.add(stream);
    }

    void forget(MuxStream stream) {
        waiting.remove(stream);
    }
}
