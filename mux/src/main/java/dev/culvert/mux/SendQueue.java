package dev.culvert.mux;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.ArrayDeque;
import java.util.function.Consumer;

/**
 * What a stream was given to send and has not sent, and how it becomes PSH frames: a buffer that has room before its
 * bytes gets the header there and goes as it is; one that has none, or is too long for one frame, goes in slices with a
 * header of their own. Payload is copied only where small writes join, and where little of a large buffer waits.
 */
final class SendQueue {
    /** Writes of at most so many bytes join the buffer before them, if it has room: one frame instead of many. */
    private static final int JOIN = 4096;
    /**
     * Of a buffer larger than this, bytes, what is less than {@link #SMALL_PART} waits as a copy, see
     * {@link MemoryBudget}.
     */
    private static final int LARGE = 16 << 10;

    private static final int SMALL_PART = 16;

    private final ArrayDeque<ByteBuf> buffers = new ArrayDeque<>(2);
    private int bytes;
    /** The bytes before the head's reader index are in a frame that may not be on the wire yet. */
    private boolean headIsSplit;

    /** Bytes that wait. */
    int bytes() {
        return bytes;
    }

    /** Takes {@code data}, and the bytes before its reader index. */
    void add(ByteBuf data) {
        int n = data.readableBytes();
        ByteBuf tail = buffers.peekLast();
        if (tail != null && n <= JOIN && tail.isWritable(n)) {
            tail.writeBytes(data);
            data.release();
        } else {
            buffers.add(isLittle(data) ? copy(data) : data);
        }
        bytes += n;
    }

    /**
     * Hands one frame to {@code out}, by one or two buffers; something has to wait.
     *
     * @param most payload bytes
     * @return its payload bytes
     */
    int send(int most, ProtocolVersion version, int id, Consumer<ByteBuf> out) {
        ByteBuf head = buffers.element();
        int n = Math.min(head.readableBytes(), most);
        boolean whole = n == head.readableBytes();
        if (whole && !headIsSplit && head.readerIndex() >= Frame.HEADER && !head.isReadOnly()) {
            buffers.remove();
            Frame.prependHeader(head, version, Frame.PSH, id);
            out.accept(head);
        } else {
            ByteBuf header = ByteBufAllocator.DEFAULT.ioBuffer(Frame.HEADER, Frame.HEADER);
            Frame.writeHeader(header, version, Frame.PSH, n, id);
            out.accept(header);
            out.accept(whole ? buffers.remove() : head.readRetainedSlice(n));
            boolean little = !whole && isLittle(head);
            if (little) {
                buffers.addFirst(copy(buffers.remove()));
            }
            headIsSplit = !whole && !little;
        }
        bytes -= n;
        return n;
    }

    private static boolean isLittle(ByteBuf data) {
        return data.capacity() > LARGE && data.readableBytes() < data.capacity() / SMALL_PART;
    }

    /** With room for a header, and for what joins. Takes {@code data}. */
    private static ByteBuf copy(ByteBuf data) {
        ByteBuf copy = ByteBufAllocator.DEFAULT.ioBuffer(Frame.HEADER + data.readableBytes() + JOIN);
        copy.setIndex(Frame.HEADER, Frame.HEADER).writeBytes(data);
        data.release();
        return copy;
    }

    /** Drops what waits. Returns how many bytes that were. */
    int drop() {
        ByteBuf data;
        while ((data = buffers.poll()) != null) {
            data.release();
        }
        int dropped = bytes;
        bytes = 0;
        return dropped;
    }
}
