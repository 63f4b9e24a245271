package dev.culvert.common.splice;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.ChannelConfig;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.util.UncheckedBooleanSupplier;
import java.util.function.IntSupplier;

/**
 * Receive buffers with room for a frame's header in front of what is read, so that the header can be put before the payload
 * without copying it. A read is never longer than what the stream takes at once.
 */
final class HeadroomAllocator implements RecvByteBufAllocator {
    /** The header of a smux frame, bytes. */
    static final int HEADROOM = 8;

    private static final int MIN_READ = 512;
    private static final int FIRST_READ = 4096;

    /** One long read costs less than many short ones: each makes the kernel acknowledge, and may make it send. */
    private static final int LARGEST_READ = 256 << 10;

    private final AdaptiveRecvByteBufAllocator sizes =
            new AdaptiveRecvByteBufAllocator(MIN_READ, FIRST_READ, LARGEST_READ);
    private final IntSupplier maxRead;

    /** Asks {@code maxRead} before each read for the largest that it may be, bytes. */
    HeadroomAllocator(IntSupplier maxRead) {
        this.maxRead = maxRead;
        sizes.maxMessagesPerRead(1);
    }

    @Override
    public ExtendedHandle newHandle() {
        return new HeadroomHandle((ExtendedHandle) sizes.newHandle(), maxRead);
    }

    /** Epoll and NIO want the extended handle, which Netty has no delegate for. */
    private static final class HeadroomHandle implements ExtendedHandle {
        private final ExtendedHandle sizes;
        private final IntSupplier maxRead;

        HeadroomHandle(ExtendedHandle sizes, IntSupplier maxRead) {
            this.sizes = sizes;
            this.maxRead = maxRead;
        }

        @Override
        public ByteBuf allocate(ByteBufAllocator alloc) {
            int capacity = HEADROOM + guess();
            return alloc.ioBuffer(capacity, capacity).setIndex(HEADROOM, HEADROOM);
        }

        @Override
        public int guess() {
            return Math.min(sizes.guess(), maxRead.getAsInt());
        }

        @Override
        public void reset(ChannelConfig config) {
            sizes.reset(config);
        }

        @Override
        public void incMessagesRead(int messages) {
            sizes.incMessagesRead(messages);
        }

        @Override
        public void lastBytesRead(int bytes) {
            sizes.lastBytesRead(bytes);
        }

        @Override
        public int lastBytesRead() {
            return sizes.lastBytesRead();
        }

        @Override
        public void attemptedBytesRead(int bytes) {
            sizes.attemptedBytesRead(bytes);
        }

        @Override
        public int attemptedBytesRead() {
            return sizes.attemptedBytesRead();
        }

        @Override
        public boolean continueReading() {
            return sizes.continueReading();
        }

        @Override
        public boolean continueReading(UncheckedBooleanSupplier maybeMoreData) {
            return sizes.continueReading(maybeMoreData);
        }

        @Override
        public void readComplete() {
            sizes.readComplete();
        }
    }
}
