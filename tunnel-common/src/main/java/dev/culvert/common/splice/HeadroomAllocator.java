package dev.culvert.common.splice;

import dev.culvert.mux.MuxStream;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelConfig;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.util.UncheckedBooleanSupplier;
import java.util.function.IntSupplier;

/**
 * Receive buffers with room for a frame's header in front of what is read, so that the header can be put before the
 * payload without copying it. A read is never longer than what the stream takes at once.
 *
 * <p>A channel asks its first allocator for a handle, once, and keeps that: so it keeps the allocator, too, and only
 * the bound changes with the stream.
 */
final class HeadroomAllocator implements RecvByteBufAllocator {
    private static final int MIN_READ = 512;
    private static final int FIRST_READ = 4096;

    /** One long read costs less than many short ones: each makes the kernel acknowledge, and may make it send. */
    private static final int LARGEST_READ = 256 << 10;

    private final AdaptiveRecvByteBufAllocator sizes =
            new AdaptiveRecvByteBufAllocator(MIN_READ, FIRST_READ, LARGEST_READ);
    private volatile IntSupplier maxRead;

    /** Asks {@code maxRead} before each read for the largest that it may be, bytes. */
    HeadroomAllocator(IntSupplier maxRead) {
        this.maxRead = maxRead;
        sizes.maxMessagesPerRead(1);
    }

    /** Has {@code channel} ask {@code maxRead} from now on; one that was read without this before goes on without. */
    static void fit(Channel channel, IntSupplier maxRead) {
        if (channel.config().getRecvByteBufAllocator() instanceof HeadroomAllocator own) {
            own.maxRead = maxRead;
        } else {
            channel.config().setRecvByteBufAllocator(new HeadroomAllocator(maxRead));
        }
    }

    @Override
    public ExtendedHandle newHandle() {
        return new HeadroomHandle((ExtendedHandle) sizes.newHandle());
    }

    /** Epoll and NIO want the extended handle, which Netty has no delegate for. */
    private final class HeadroomHandle implements ExtendedHandle {
        private final ExtendedHandle guesses;

        HeadroomHandle(ExtendedHandle guesses) {
            this.guesses = guesses;
        }

        @Override
        public ByteBuf allocate(ByteBufAllocator alloc) {
            int capacity = MuxStream.HEADROOM + guess();
            return alloc.ioBuffer(capacity, capacity).setIndex(MuxStream.HEADROOM, MuxStream.HEADROOM);
        }

        @Override
        public int guess() {
            return Math.min(guesses.guess(), maxRead.getAsInt());
        }

        @Override
        public void reset(ChannelConfig config) {
            guesses.reset(config);
        }

        @Override
        public void incMessagesRead(int messages) {
            guesses.incMessagesRead(messages);
        }

        @Override
        public void lastBytesRead(int bytes) {
            guesses.lastBytesRead(bytes);
        }

        @Override
        public int lastBytesRead() {
            return guesses.lastBytesRead();
        }

        @Override
        public void attemptedBytesRead(int bytes) {
            guesses.attemptedBytesRead(bytes);
        }

        @Override
        public int attemptedBytesRead() {
            return guesses.attemptedBytesRead();
        }

        @Override
        public boolean continueReading() {
            return guesses.continueReading();
        }

        @Override
        public boolean continueReading(UncheckedBooleanSupplier maybeMoreData) {
            return guesses.continueReading(maybeMoreData);
        }

        @Override
        public void readComplete() {
            guesses.readComplete();
        }
    }
}
