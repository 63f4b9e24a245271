package dev.culvert.common.splice;

import dev.culvert.common.splice.Datagrams.Loss;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Finds the datagrams in the bytes of a stream ({@code docs/protocol.md}, section 3): {@code LENGTH(2, little endian) | bytes}. One that comes in
 * pieces is put together in memory that it shares with others; while there is none it is dropped. One thread.
 */
final class DatagramDecoder {
    /** The length in front of each datagram, bytes. */
    static final int HEADER = 2;
    /** The most that fits into a packet of IPv4 (RFC 768, RFC 791), bytes. */
    static final int MOST = 65_507;

    private final DatagramMemory memory;
    private final Consumer<ByteBuf> found;
    private final Consumer<Loss> lost;

    /** The first byte of a length, when the second has not come; -1: it has not come either. */
    private int half = -1;
    /** Bytes of the present datagram that have not come. */
    private int missing;
    /** The present datagram; null: it is dropped, or there is none. */
    private @Nullable ByteBuf partial;

    private boolean closed;

    /**
     * @param found takes each datagram
     * @param lost told of each that is dropped
     */
    DatagramDecoder(DatagramMemory memory, Consumer<ByteBuf> found, Consumer<Loss> lost) {
        this.memory = memory;
        this.found = found;
        this.lost = lost;
    }

    /** Takes {@code data}. False: it has a length that can not be, and nothing behind that can be read. */
    boolean decode(ByteBuf data) {
        try {
            while (data.isReadable() && !closed) {
                if (missing > 0) {
                    goOn(data);
                } else if (!begin(data)) {
                    return false;
                }
            }
            return true;
        } finally {
            data.release();
        }
    }

    private boolean begin(ByteBuf data) {
        if (half < 0) {
            half = data.readUnsignedByte();
            return true;
        }
        int length = half | data.readUnsignedByte() << Byte.SIZE;
        half = -1;
        if (length > MOST) {
            return false;
        }
        if (length <= data.readableBytes()) {
            found.accept(data.readRetainedSlice(length));
            return true;
        }
        missing = length;
        if (memory.take(length)) {
            partial = ByteBufAllocator.DEFAULT.ioBuffer(length, length);
        } else {
            lost.accept(Loss.QUEUE_FULL);
        }
        return true;
    }

    private void goOn(ByteBuf data) {
        int n = Math.min(missing, data.readableBytes());
        missing -= n;
        if (partial == null) {
            data.skipBytes(n);
            return;
        }
        partial.writeBytes(data, n);
        if (missing == 0) {
            ByteBuf whole = partial;
            partial = null;
            memory.give(whole.capacity());
            found.accept(whole);
        }
    }

    /** Nothing more is found. */
    void close() {
        closed = true;
        if (partial != null) {
            memory.give(partial.capacity());
            partial.release();
            partial = null;
        }
    }
}
