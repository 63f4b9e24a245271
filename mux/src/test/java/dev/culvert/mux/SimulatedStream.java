package dev.culvert.mux;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/**
 * What one application does with its end of a stream in a {@link Simulation}. Whatever happens to the link: every byte
 * comes once and in order, the end after the last one, and a reset only where the other side has reset.
 */
final class SimulatedStream implements StreamListener {
    private final SimulatedEnd end;
    private final ArrayDeque<ByteBuf> unread = new ArrayDeque<>();
    private @Nullable MuxStream stream;
    private boolean attached;
    private long written;
    /** Bytes that have come and been read. */
    private long received;

    private boolean shut;
    private boolean fin;
    private boolean reset;

    SimulatedStream(SimulatedEnd end, boolean attached) {
        this.end = end;
        this.attached = attached;
    }

    void begin(MuxStream begun) {
        stream = begun;
        end.streams.add(this);
        end.byId.put(begun.id(), this);
    }

    private MuxStream stream() {
        if (stream == null) {
            throw new IllegalStateException("not open");
        }
        return stream;
    }

    void write(int bytes, boolean headroom) {
        if (shut || !stream().isWritable()) {
            return;
        }
        ByteBuf data = ByteBufAllocator.DEFAULT.buffer(Frame.HEADER + bytes);
        if (headroom) {
            data.setIndex(Frame.HEADER, Frame.HEADER);
        }
        for (int i = 0; i < bytes; i++) {
            data.writeByte(pattern(stream().id(), written + i));
        }
        written += bytes;
        stream().write(data);
    }

    /** The byte at a place of a stream: no two streams, and no two places near each other, look alike. */
    private static byte pattern(int id, long position) {
        return (byte) (position * 31 + (position >> 8) + id * 7L);
    }

    void read(int most) {
        if (!attached) {
            attached = true;
            stream().accept();
            stream().attach(this);
        }
        int left = most;
        ByteBuf data;
        while (left > 0 && !reset && (data = unread.peek()) != null) {
            int n = Math.min(left, data.readableBytes());
            for (int i = 0; i < n; i++) {
                check(data.readByte() == pattern(stream().id(), received), "wrong byte " + received);
                received++;
            }
            if (!data.isReadable()) {
                unread.remove().release();
            }
            left -= n;
            stream().consumed(n);
        }
        endIfOver();
    }

    void shutdownOutput() {
        shut = true;
        stream().shutdownOutput();
        endIfOver();
    }

    void reset() {
        stream().reset(ErrorCode.CANCELLED, "at random");
        cutOff();
    }

    @Override
    public void onData(MuxStream from, ByteBuf data) {
        unread.add(data);
        check(!fin && !reset, "data after the end");
    }

    @Override
    public void onFin(MuxStream from) {
        check(!fin && !reset, "an end after the end");
        fin = true;
        SimulatedStream sender = sender();
        long arrived =
                received + unread.stream().mapToLong(ByteBuf::readableBytes).sum();
        // A stock peer has no other way to say that it has reset the stream.
        boolean mayBeCut = end.session.version().isStock() && sender.reset;
        check(mayBeCut ? arrived <= sender.written : arrived == sender.written, "the end after " + arrived + " bytes");
    }

    @Override
    public void onReset(MuxStream from, ErrorCode code, String text) {
        check(!reset, "a reset after a reset");
        boolean refused = code == ErrorCode.REFUSED && end.warned;
        boolean tooLarge = code == ErrorCode.LIMIT_REACHED && (end.memory.ranOut || end.peer().memory.ranOut);
        check(refused || tooLarge || end.session.isClosed() || sender().reset, "reset: " + code + ": " + text);
        cutOff();
    }

    private SimulatedStream sender() {
        SimulatedStream other = end.peer().byId.get(stream().id());
        if (other == null) {
            throw new AssertionError(this + " was never opened there");
        }
        return other;
    }

    private void endIfOver() {
        if (shut && fin && unread.isEmpty() && end.streams.remove(this)) {
            end.ended++;
        }
    }

    private void cutOff() {
        reset = true;
        drop();
        if (end.streams.remove(this)) {
            end.ended++;
        }
    }

    void drop() {
        unread.forEach(ByteBuf::release);
        unread.clear();
    }

    private void check(boolean holds, String otherwise) {
        if (!holds) {
            throw new AssertionError(this + ": " + otherwise);
        }
    }

    @Override
    public String toString() {
        return end.role() + " " + stream + " (written " + written + ", received " + received + (shut ? ", shut" : "")
                + (fin ? ", fin" : "") + (reset ? ", reset" : "") + ")";
    }
}
