package dev.culvert.common.splice;

import dev.culvert.mux.MuxStream;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * What its stream begins with: what a socket has said before the stream was answered, so that it can be said again on
 * another one, and what is said for it before that. At most {@value #MOST} bytes, which is what may be on its way
 * before the first answer: nobody loses speed by waiting then.
 *
 * <p>One thread at a time. Owns its copy until {@link #forget}.
 */
public final class Prelude {
    /** For one socket, bytes; as much as the window that a stream begins with. */
    static final int MOST = 256 << 10;
    /**
     * For all sockets together, bytes. One that comes when these are used up keeps nothing, so it cannot be begun again
     * elsewhere.
     */
    private static final long ALL = 16 << 20;

    private final AtomicLong total;
    private @Nullable ByteBuf bytes;
    private boolean ended;
    private boolean incomplete;

    /** @param total of all of them together, bytes */
    public Prelude(AtomicLong total) {
        this.total = total;
    }

    /** Each stream begins with {@code words}, which are few, and ours to release. Before any other call. */
    public void beginWith(ByteBuf words) {
        total.addAndGet(words.readableBytes());
        bytes = words;
    }

    /** Keeps a copy of {@code data}. */
    void add(ByteBuf data) {
        int length = data.readableBytes();
        if (incomplete) {
            return;
        }
        if (total.addAndGet(length) > ALL) {
            total.addAndGet(-length);
            forget();
            incomplete = true;
            return;
        }
        if (bytes == null) {
            bytes = ByteBufAllocator.DEFAULT.ioBuffer(length);
        }
        bytes.writeBytes(data, data.readerIndex(), length);
    }

    /** There will be no more. */
    void end() {
        ended = true;
    }

    boolean hasEnded() {
        return ended;
    }

    /** Whether the socket should not be read before there is an answer. */
    boolean isFull() {
        return bytes != null && bytes.readableBytes() >= MOST;
    }

    /** Whether it can be said again. */
    boolean isComplete() {
        return !incomplete;
    }

    /** Says it on {@code stream}, and keeps it still. */
    void repeat(MuxStream stream) {
        if (bytes != null) {
            stream.write(bytes.copy());
        }
    }

    /** It will not be said again. */
    public void forget() {
        if (bytes != null) {
            total.addAndGet(-bytes.readableBytes());
            bytes.release();
            bytes = null;
        }
    }
}
