package dev.culvert.common.splice;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Finds the datagrams in the bytes of a stream ({@code docs/protocol.md}, section 3): {@code LENGTH(2, little endian) |
 * bytes}. One that comes in pieces is put together, in memory that grows as they come: the peer has to send what it
 * would have us hold. One thread.
 */
final class DatagramDecoder {
    /** The length in front of each datagram, bytes. */
    static final int HEADER = 2;
    /** The most that fits into a packet of IPv4 (RFC 768, RFC 791), bytes. */
    static final int MOST = 65_507;

    private final Consumer<ByteBuf> found;

    /** The first byte of a length, when the second has not come; -1: it has not come either. */
    private int half = -1;
    /** What has come of the present datagram; null: there is none. */
    private @Nullable ByteBuf partial;

    private boolean closed;

    /** @param found takes each datagram */
    DatagramDecoder(Consumer<ByteBuf> found) {
        this.found = found;
    }

    /** Bytes of a datagram of which more is to come. */
    int held() {
        return partial == null ? 0 : partial.readableBytes();
    }

    /** Takes {@code data}. False: it has a length that cannot be, and nothing behind that can be read. */
    boolean decode(ByteBuf data) {
        try {
            while (data.isReadable() && !closed) {
                if (partial != null) {
                    goOn(partial, data);
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
        partial = ByteBufAllocator.DEFAULT.ioBuffer(data.readableBytes(), length);
        return true;
    }

    private void goOn(ByteBuf present, ByteBuf data) {
        present.writeBytes(data, Math.min(present.maxWritableBytes(), data.readableBytes()));
        if (present.maxWritableBytes() == 0) {
            partial = null;
            found.accept(present);
        }
    }

    /** Nothing more is found. */
    void close() {
        closed = true;
        if (partial != null) {
            partial.release();
            partial = null;
        }
    }
}
