package dev.culvert.common.splice;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.RecvByteBufAllocator.ExtendedHandle;
import io.netty.channel.embedded.EmbeddedChannel;
import org.junit.jupiter.api.Test;

class HeadroomAllocatorTest {
    private static final int MAX = 32760;

    private int most = MAX;
    private final ExtendedHandle handle = new HeadroomAllocator(() -> most).newHandle();

    @Test
    void aBufferHasRoomForAHeaderInFront() {
        ByteBuf buffer = handle.allocate(UnpooledByteBufAllocator.DEFAULT);
        assertThat(buffer.readerIndex()).isEqualTo(8);
        assertThat(buffer.writableBytes()).isPositive();
        buffer.release();
    }

    @Test
    void aReadNeverOutgrowsAFrame() {
        for (int i = 0; i < 100; i++) {
            ByteBuf buffer = handle.allocate(UnpooledByteBufAllocator.DEFAULT);
            int bytes = buffer.writableBytes();
            assertThat(bytes).isLessThanOrEqualTo(MAX);
            handle.attemptedBytesRead(bytes);
            handle.lastBytesRead(bytes);
            handle.incMessagesRead(1);
            handle.readComplete();
            buffer.release();
        }
        assertThat(handle.guess()).isEqualTo(MAX);
        most = 1000;
        assertThat(handle.guess()).isEqualTo(1000);
    }

    @Test
    void aChannelThatWasReadBeforeHasTheBoundOfItsStreamFromThenOn() {
        EmbeddedChannel channel = new EmbeddedChannel();
        HeadroomAllocator.fit(channel, () -> 100);
        var used = channel.unsafe().recvBufAllocHandle();
        assertThat(used.guess()).isEqualTo(100);

        HeadroomAllocator.fit(channel, () -> 1000);

        assertThat(channel.unsafe().recvBufAllocHandle()).isSameAs(used);
        assertThat(used.guess()).isEqualTo(1000);
        channel.finishAndReleaseAll();
    }
}
