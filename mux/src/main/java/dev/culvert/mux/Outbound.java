package dev.culvert.mux;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What goes to the peer: writes what the session says, in the version that is spoken, and decides what is next when the
 * connection can take a frame. First what was sent by another connection, then what the session says, then the data of
 * the stream whose turn it is.
 */
final class Outbound {
    /** So many new bytes are sent at once, while the processor has them in its cache. */
    private static final int HOT = 256 << 10;

    private final Link link;
    private final Handshake handshake;
    private final ControlQueue control;
    private final Scheduler scheduler = new Scheduler();
    /** What the session begins with, until it is sent. */
    private @Nullable ByteBuf hello;
    /**
     * Whether there may be more than that. What is said sooner waits: a server's has to come first, and who gets a
     * client's may take what follows for the bytes of another session.
     */
    private boolean mayFollow;
    /** Bytes that streams were given since the last frame was sent. */
    private int fresh;

    /**
     * @param maxReplies frames that the peer may make us say, and not read
     * @param budget that frames count for
     */
    Outbound(Link link, Handshake handshake, int maxReplies, MemoryBudget budget) {
        this.link = link;
        this.handshake = handshake;
        control = new ControlQueue(maxReplies, budget);
    }

    // ---- what is next

    /**
     * Hands the next frame to {@code out}, which takes its one or two buffers.
     *
     * @param data whether it is time for data, too
     * @param bulkWaits whether that is for those who have little of it
     * @param most of that, bytes
     * @return false: there is nothing to send now
     */
    boolean transmit(boolean data, boolean bulkWaits, int most, Consumer<ByteBuf> out) {
        fresh = 0;
        ByteBuf again = link.nextAgain();
        if (again != null) {
            link.sent(again.readableBytes());
            out.accept(again);
            return true;
        }
        Consumer<ByteBuf> kept = link.keeping(out);
        ByteBuf frame = nextControl();
        if (frame != null) {
            link.sent(frame.readableBytes());
            kept.accept(frame);
            return true;
        }
        if (!data || !mayFollow || link.isFull()) {
            return false;
        }
        MuxStream stream = bulkWaits ? scheduler.nextOfLittle() : scheduler.next();
        if (stream == null) {
            return false;
        }
        int sent = stream.send(most, kept);
        link.sent(sent);
        scheduler.sent(stream, sent);
        stream.checkWritable();
        return true;
    }

    private @Nullable ByteBuf nextControl() {
        if (!mayFollow || hello != null) {
            ByteBuf first = hello;
            hello = null;
            return first;
        }
        ByteBuf ack = link.nextAck(control.hasUpdates());
        return ack != null ? ack : control.next();
    }

    /**
     * Frames that wait for the peer to read, and streams that do and are none of the {@code open} ones any more, or owe
     * it a UPD.
     */
    int backlog(int open) {
        return control.size() + Math.max(0, scheduler.size() - open);
    }

    /** For how many bytes the frames that wait count; for tests. */
    long waitingMemory() {
        return control.memory();
    }

    /** Whether something waits that the session says by itself. */
    boolean hasOwn() {
        return control.hasOwn();
    }

    // ---- what streams have

    /** The stream has something that it may send. */
    void activate(MuxStream stream) {
        scheduler.activate(stream);
        link.wake();
    }

    /** The stream has been given bytes to send. */
    void activate(MuxStream stream, int bytes) {
        scheduler.activate(stream);
        fresh += bytes;
        if (fresh >= HOT) {
            link.send();
        } else {
            link.wake();
        }
    }

    /** What may be sent goes now. */
    void flush() {
        link.send();
    }

    /** The stream owes a UPD. */
    void update(MuxStream stream) {
        control.update(stream);
        link.wake();
    }

    // ---- what the session says

    /** A HELLO, from the {@link Handshake}. Takes {@code frame}. */
    void hello(ByteBuf frame) {
        hello = frame;
        link.wake();
    }

    /** All else may be sent from now on. */
    void letFollow() {
        mayFollow = true;
        link.wake();
    }

    void open(int id, OpenRequest request) {
        if (version().isStock()) {
            empty(Frame.SYN, id);
            return;
        }
        ByteBuf tlvs = ByteBufAllocator.DEFAULT.heapBuffer();
        try {
            request.write(tlvs);
            add(Frame.withTlvs(version(), Frame.SYN, id, tlvs));
        } finally {
            tlvs.release();
        }
    }

    /** A frame without payload. */
    void empty(int command, int id) {
        add(Frame.empty(version(), command, id));
    }

    void ping(long payload) {
        add(Frame.number(version(), Frame.PING, payload));
    }

    /** An ACK, if that is news to the peer. */
    void news() {
        ByteBuf ack = link.news();
        if (ack != null) {
            add(ack);
        }
    }

    /** A RST or a GOAWAY. */
    void farewell(int command, int id, ErrorCode code, String text) {
        add(Frame.farewell(version(), command, id, code, text));
    }

    /** A CLOSE, and nothing of what still waits for a HELLO. The link is closed next, and needs no waking. */
    void lastWord(ErrorCode code, String text) {
        if (!mayFollow) {
            control.release();
            mayFollow = true;
        }
        control.add(Frame.farewell(version(), Frame.CLOSE, 0, code, text));
    }

    // ---- what the peer makes us say

    void pong(long payload) throws ProtocolViolation {
        reply(Frame.number(version(), Frame.PONG, payload));
    }

    /** A stream that the peer opens is not taken. */
    void refuse(int id, ErrorCode code, String text) throws ProtocolViolation {
        reply(
                version().isStock()
                        ? Frame.empty(version(), Frame.FIN, id)
                        : Frame.farewell(version(), Frame.RST, id, code, text));
    }

    private void reply(ByteBuf frame) throws ProtocolViolation {
        control.reply(frame);
        if (control.hasTooManyReplies()) {
            link.send(); // one read brings more questions than that: a peer that does read has its answers now
            if (!link.isLost()) { // which may show with that, and then nobody can read
                control.checkReplies();
            }
        }
        link.wake();
    }

    // ---- the end

    /** See {@link ControlQueue#withdrawOpens}. */
    Set<Integer> withdrawOpens() {
        return control.withdrawOpens();
    }

    /** No stream owes anything any more. */
    void dropUpdates() {
        control.dropUpdates();
    }

    /** Drops what waits, but for the data of streams. */
    void release() {
        control.release();
        if (hello != null) {
            hello.release();
            hello = null;
        }
    }

    private void add(ByteBuf frame) {
        control.add(frame);
        link.wake();
    }

    private ProtocolVersion version() {
        return handshake.version();
    }
}
