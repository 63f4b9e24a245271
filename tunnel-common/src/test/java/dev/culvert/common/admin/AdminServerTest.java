package dev.culvert.common.admin;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.common.net.Transport;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.MockTicker;
import io.netty.util.concurrent.Ticker;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class AdminServerTest {
    private final CompletableFuture<String> answer = new CompletableFuture<>();
    private final List<String> asked = new ArrayList<>();
    /** Answers everything later. */
    private final Backend backend = (Backend) Proxy.newProxyInstance(
            Backend.class.getClassLoader(), new Class<?>[] {Backend.class}, (proxy, method, arguments) -> {
                asked.add(method.getName());
                return answer;
            });

    private final EventLoopGroup loop = Transport.NIO.newEventLoops(1, "unused");
    private final AdminServer server = new AdminServer(Transport.NIO, loop, backend);
    private final MockTicker clock = Ticker.newMockTicker();
    private final EmbeddedChannel channel = EmbeddedChannel.builder()
            .ticker(clock)
            .handlers(server.pipeline(AdminServer.Access.LOOK))
            .build();

    @AfterEach
    void stop() {
        channel.finishAndReleaseAll();
        loop.shutdownGracefully(0, 0, TimeUnit.SECONDS);
    }

    private void hear(String text) {
        channel.writeInbound(Unpooled.copiedBuffer(text, StandardCharsets.US_ASCII));
    }

    private void pass(int seconds) {
        clock.advance(seconds, TimeUnit.SECONDS);
        channel.runScheduledPendingTasks();
    }

    private String said() {
        StringBuilder all = new StringBuilder();
        for (ByteBuf bytes = channel.readOutbound(); bytes != null; bytes = channel.readOutbound()) {
            all.append(bytes.toString(StandardCharsets.US_ASCII));
            bytes.release();
        }
        return all.toString();
    }

    @Test
    void behindARequestNothingIsServedOrRead() {
        hear("GET /status HTTP/1.1\r\n\r\n".repeat(2) + "GET /metrics");
        assertThat(asked).containsExactly("status");
        assertThat(channel.config().isAutoRead()).isFalse();

        answer.complete("{}");
        channel.runPendingTasks();
        assertThat(said()).startsWith("HTTP/1.1 200 OK\r\n").endsWith("\r\n\r\n{}");
        assertThat(channel.isOpen()).isFalse();
    }

    @Test
    void whoAsksWhetherToSendTooMuchIsToldOnce() {
        hear("GET /status HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 9999\r\n\r\n".repeat(2));

        assertThat(said()).containsOnlyOnce("HTTP/1.1 413 ");
        assertThat(channel.isOpen()).isFalse();
    }

    @Test
    void aRequestThatComesByteByByteHasToCome() {
        hear("G");
        pass(20);
        hear("E");
        pass(9);
        assertThat(channel.isOpen()).isTrue();

        pass(1);
        assertThat(channel.isOpen()).isFalse();
    }

    @Test
    void anAnswerMayTakeItsTime() {
        hear("GET /status HTTP/1.1\r\n\r\n");
        pass(3600);
        answer.complete("{}");
        channel.runPendingTasks();

        assertThat(said()).endsWith("\r\n\r\n{}");
    }

    @Test
    void anAnswerHasToBeTaken() {
        channel.pipeline().addFirst(new ChannelOutboundHandlerAdapter() {
            @Override
            public void write(ChannelHandlerContext ctx, Object message, ChannelPromise promise) {
                ReferenceCountUtil.release(message); // and is never done
            }
        });
        hear("GET /nothing HTTP/1.1\r\n\r\n");
        pass(29);
        assertThat(channel.isOpen()).isTrue();

        pass(1);
        assertThat(channel.isOpen()).isFalse();
    }
}
