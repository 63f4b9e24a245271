package dev.culvert.common.admin;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.common.net.Transport;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.embedded.EmbeddedChannel;
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
    private final EmbeddedChannel channel = new EmbeddedChannel(server.pipeline(AdminServer.Access.LOOK));

    @AfterEach
    void stop() {
        channel.finishAndReleaseAll();
        loop.shutdownGracefully(0, 0, TimeUnit.SECONDS);
    }

    private void hear(String text) {
        channel.writeInbound(Unpooled.copiedBuffer(text, StandardCharsets.US_ASCII));
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
}
