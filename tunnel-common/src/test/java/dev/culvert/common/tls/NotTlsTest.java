package dev.culvert.common.tls;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What is said of somebody who speaks without TLS: the log is no place for passwords. */
class NotTlsTest {
    private final List<String> explained = new ArrayList<>();

    @Test
    void whatComesInsteadOfTlsIsNotQuoted() throws Exception {
        EmbeddedChannel channel = new EmbeddedChannel();
        OfferedTls.of(SelfSigned.make("own"), Optional.empty())
                .newHandlers(channel.alloc(), Duration.ofSeconds(10))
                .forEach(handler -> channel.pipeline().addLast(handler));
        channel.pipeline().addLast(explaining());

        assertThatThrownBy(() -> channel.writeInbound(
                        Unpooled.copiedBuffer("GET / HTTP/1.1\r\nAuthorization: Basic x\r\n\r\n", UTF_8)))
                .isInstanceOf(IOException.class)
                .hasMessage("the peer does not speak TLS");
        assertThat(explained).containsExactly("the peer does not speak TLS");
        channel.finishAndReleaseAll();
    }

    private ChannelHandler explaining() {
        return new ChannelInboundHandlerAdapter() {
            @Override
            public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
                if (event instanceof SslHandshakeCompletionEvent tls) {
                    explained.add(OfferedTls.explain(tls.cause()));
                }
            }
        };
    }
}
