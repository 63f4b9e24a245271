package dev.culvert.common.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.culvert.common.net.SocketFile;
import dev.culvert.common.net.Transport;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.channel.epoll.Epoll;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.MockTicker;
import io.netty.util.concurrent.Ticker;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Proxy;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AdminServerTest {
    private final CompletableFuture<String> answer = new CompletableFuture<>();
    private final List<String> asked = new CopyOnWriteArrayList<>();
    private final CountDownLatch planned = new CountDownLatch(1);
    /** Answers everything later; the event loop stands still in {@code plan}. */
    private final Backend backend = (Backend) Proxy.newProxyInstance(
            Backend.class.getClassLoader(), new Class<?>[] {Backend.class}, (proxy, method, arguments) -> {
                asked.add(method.getName());
                if (method.getName().equals("plan")) {
                    planned.await();
                }
                return answer;
            });

    private final EventLoopGroup loop = Transport.NIO.newEventLoops(1, "unused");
    private final AdminServer server = new AdminServer(Transport.NIO, loop, backend, Duration.ofMinutes(1));
    private final MockTicker clock = Ticker.newMockTicker();
    private final EmbeddedChannel channel = EmbeddedChannel.builder()
            .ticker(clock)
            .handlers(server.pipeline(AdminServer.Access.LOOK))
            .build();

    @AfterEach
    void stop() {
        channel.finishAndReleaseAll();
        loop.shutdownGracefully(0, 0, TimeUnit.SECONDS).syncUninterruptibly();
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
    void headIsAnsweredAsGetWithoutTheBody() {
        hear("HEAD /status HTTP/1.1\r\n\r\n");
        answer.complete("{}");
        channel.runPendingTasks();

        assertThat(said())
                .startsWith("HTTP/1.1 200 OK\r\n")
                .contains("content-length: 2\r\n")
                .endsWith("\r\n\r\n");
    }

    @Test
    void anotherMethodIsToldWhichThereAre() {
        hear("DELETE /status HTTP/1.1\r\n\r\n");

        assertThat(said()).startsWith("HTTP/1.1 405 ").contains("\r\nallow: GET, HEAD, POST, CONNECT\r\n");
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

    @Test
    void aFileThatIsNoSocketIsLeftAlone(@TempDir Path directory) throws IOException {
        Path file = Files.writeString(directory.resolve("notes"), "mine");
        assertThatThrownBy(() -> server.listen(List.of(file.toString()), List.of()))
                .hasMessage("admin: cannot listen on " + file + ", where there is a file that is no socket: remove it,"
                        + " or set admin.listen to another path");
        server.close();
        assertThat(file).hasContent("mine");
    }

    @Test
    void theSocketOfWhoHasTakenItsPlaceIsLeftAlone(@TempDir Path directory) throws Exception {
        assumeTrue(Epoll.isAvailable(), "needs epoll");
        Path socket = directory.resolve("agent.sock");
        EventLoopGroup epoll = Transport.EPOLL.newEventLoops(1, "admin");
        try (AdminServer other = new AdminServer(Transport.EPOLL, epoll, backend)) {
            try (AdminServer first = new AdminServer(Transport.EPOLL, epoll, backend)) {
                first.listen(List.of(socket.toString()), List.of());
                first.begin();
                assertThat(first.sockets()).hasSize(1);
                Files.delete(socket);
                assertThat(first.sockets())
                        .as("passed on, it would be of no use")
                        .isEmpty();
                other.listen(List.of(socket.toString()), List.of());
            }
            assertThat(SocketFile.isAnswered(socket)).isTrue();
        }
        assertThat(socket).doesNotExist();
        epoll.shutdownGracefully(0, 0, TimeUnit.SECONDS).syncUninterruptibly();
    }

    /** Else who had an agent replaced, or the process that takes its place, would not hear what came of it. */
    @Test
    void theLastAnswerIsSaidBeforeTheEnd(@TempDir Path directory) throws Exception {
        String socket = directory.resolve("agent.sock").toString();
        server.listen(List.of(socket), List.of());
        server.begin();
        try (AdminClient client = new AdminClient(socket);
                SocketChannel other = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            CompletableFuture<String> said = CompletableFuture.supplyAsync(() -> get(client));
            await().until(() -> asked.contains("status"));
            other.write(StandardCharsets.US_ASCII.encode("POST /plan HTTP/1.1\r\nContent-Length: 0\r\n\r\n"));
            await().until(() -> asked.contains("plan"));
            answer.complete("{}");

            Thread ending = new Thread(() -> {
                server.close();
                loop.shutdownGracefully(0, 0, TimeUnit.SECONDS).syncUninterruptibly();
            });
            ending.start();
            await().until(() -> ending.getState() == Thread.State.TIMED_WAITING);
            planned.countDown();

            assertThat(said.get(10, TimeUnit.SECONDS)).isEqualTo("{}");
            ending.join(10_000);
            assertThat(ending.isAlive()).isFalse();
        }
        assertThat(Path.of(socket)).doesNotExist();
    }

    private static String get(AdminClient client) {
        try {
            return client.get("/status");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
