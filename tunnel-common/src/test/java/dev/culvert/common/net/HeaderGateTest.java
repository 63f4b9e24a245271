package dev.culvert.common.net;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class HeaderGateTest {
    private static final Origin ORIGIN =
            Origin.of(new InetSocketAddress("192.0.2.7", 5555), new InetSocketAddress("203.0.113.1", 443));

    private final List<String> heard = new ArrayList<>();
    private final EmbeddedChannel channel = new EmbeddedChannel();

    HeaderGateTest() {
        HeaderGate.addTo(channel.pipeline(), Duration.ofSeconds(10), new HeaderGate.Listener() {
            @Override
            public void onHeader(@Nullable Origin origin) {
                heard.add(origin == null ? "nobody" : origin.words());
            }

            @Override
            public void onFailed(String reason) {
                heard.add(reason);
            }
        });
    }

    private String passedOn() {
        StringBuilder all = new StringBuilder();
        for (ByteBuf bytes = channel.readInbound(); bytes != null; bytes = channel.readInbound()) {
            all.append(bytes.toString(US_ASCII));
            bytes.release();
        }
        return all.toString();
    }

    /** As the buffers are that a splice reads, which have room for a frame's header. */
    private static ByteBuf withRoomInFront(ByteBuf bytes) {
        ByteBuf moved = Unpooled.buffer().writeZero(8).readerIndex(8).writeBytes(bytes);
        bytes.release();
        return moved;
    }

    @ParameterizedTest
    @EnumSource(ProxyHeader.class)
    void whatComesWithAHeaderIsPassedOn(ProxyHeader version) {
        channel.writeInbound(withRoomInFront(version.of(ORIGIN).writeBytes("hello".getBytes(US_ASCII))));
        channel.writeInbound(Unpooled.copiedBuffer(", world", US_ASCII));

        assertThat(heard).containsExactly("192.0.2.7:5555");
        assertThat(passedOn()).isEqualTo("hello, world");
        assertThat(channel.pipeline().names()).hasSize(1); // its own tail
        channel.finishAndReleaseAll();
    }

    @ParameterizedTest
    @EnumSource(ProxyHeader.class)
    void aHeaderMayComeByteByByte(ProxyHeader version) {
        ByteBuf header = version.of(ORIGIN);
        while (header.isReadable()) {
            assertThat(heard).isEmpty();
            channel.writeInbound(withRoomInFront(header.readRetainedSlice(1)));
        }
        header.release();

        assertThat(heard).containsExactly("192.0.2.7:5555");
        assertThat(passedOn()).isEmpty();
        channel.finishAndReleaseAll();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void whoEndsBeforeThatIsClosed(boolean half) {
        channel.writeInbound(Unpooled.copiedBuffer("PROXY TCP4", US_ASCII));
        if (half) {
            channel.pipeline().fireUserEventTriggered(ChannelInputShutdownEvent.INSTANCE);
            assertThat(channel.isOpen()).isFalse();
        }
        channel.close();

        assertThat(heard).containsExactly("the peer closed the connection before its PROXY header");
        channel.finishAndReleaseAll();
    }

    @Test
    void whoSaysSomethingElseIsClosed() {
        channel.writeInbound(withRoomInFront(Unpooled.copiedBuffer("GET / HTTP/1.1\r\n\r\n", US_ASCII)));

        assertThat(heard).singleElement().asString().startsWith("no PROXY header, though ");
        assertThat(channel.isOpen()).isFalse();
        channel.finishAndReleaseAll();
    }
}
