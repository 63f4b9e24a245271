package dev.culvert.common.net;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.UnixPath;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.socket.DuplexChannel;
import io.netty.channel.socket.DuplexChannelConfig;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UnixSocketTest {
    private final List<EventLoopGroup> groups = new ArrayList<>();
    private final BlockingQueue<DuplexChannel> accepted = new LinkedBlockingQueue<>();

    @TempDir
    Path directory;

    @AfterEach
    void stop() {
        groups.forEach(group -> group.shutdownGracefully(0, 0, TimeUnit.SECONDS).syncUninterruptibly());
    }

    @Test
    void carriesBytesAndTheirEndsFromWhoDialsToWhoListens() throws Exception {
        EventLoop loop = loop();
        UnixPath path = path("app.sock");
        Acceptor acceptor = listen(loop, path, SocketFile.USUAL);
        Channel client = dial(loop, path, Duration.ofSeconds(10)).sync().getNow();
        DuplexChannel server = accepted.poll(10, TimeUnit.SECONDS);
        assertThat(server).isNotNull();
        CompletableFuture<String> heard = new CompletableFuture<>();
        ((DuplexChannelConfig) server.config()).setAllowHalfClosure(true);
        server.pipeline().addLast(new Ear(heard));
        loop.register(server).sync();
        server.config().setAutoRead(true);

        client.writeAndFlush(Unpooled.copiedBuffer("hello", US_ASCII)).sync();
        ((DuplexChannel) client).shutdownOutput().sync();

        assertThat(heard.get(10, TimeUnit.SECONDS)).isEqualTo("hello");
        assertThat(client.isOpen()).isTrue();
        acceptor.close(false).sync();
        assertThat(Path.of(path.path())).doesNotExist();
    }

    @Test
    void inTheAbstractNamespaceIsNoFile() throws Exception {
        EventLoop loop = loop();
        UnixPath path = new UnixPath("@culvert-test-" + ProcessHandle.current().pid());
        listen(loop, path, SocketFile.USUAL);

        dial(loop, path, Duration.ofSeconds(10)).sync();

        DuplexChannel server = accepted.poll(10, TimeUnit.SECONDS);
        assertThat(server).isNotNull();
        assertThat(Origin.of(server)).isNotNull().satisfies(origin -> {
            assertThat(origin.address()).isNull();
            assertThat(origin.words())
                    .startsWith("unix:pid=" + ProcessHandle.current().pid() + ",uid=");
        });
        server.unsafe().closeForcibly();
        assertThat(Files.readString(Path.of("/proc/net/unix"))).contains(path.path() + "\n");
    }

    @Test
    void takesTheMode() throws Exception {
        UnixPath path = path("app.sock");
        var mode = PosixFilePermissions.fromString("rw-r--rw-");
        listen(loop(), path, new SocketFile(mode, Optional.empty(), Optional.empty()));

        assertThat(Files.getPosixFilePermissions(Path.of(path.path()))).isEqualTo(mode);
    }

    @Test
    void saysWhichOwnerThereIsNot() {
        SocketFile file =
                new SocketFile(SocketFile.USUAL.permissions(), Optional.empty(), Optional.of("no-such-group"));

        assertThatThrownBy(() -> listen(loop(), path("app.sock"), file))
                .isInstanceOf(IOException.class)
                .hasMessageEndingWith("there is no group no-such-group on this machine");
        assertThat(directory).isEmptyDirectory();
    }

    @Test
    void takesThePlaceOfOneThatWasLeftBehind() throws Exception {
        UnixPath path = path("app.sock");
        ServerSocketChannel killed = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        killed.bind(UnixDomainSocketAddress.of(path.path()));
        killed.close();

        listen(loop(), path, SocketFile.USUAL);

        SocketChannel.open(UnixDomainSocketAddress.of(path.path())).close();
    }

    @Test
    void leavesAnotherProgramItsSocketAndItsFile() throws Exception {
        UnixPath path = path("app.sock");
        UnixPath text = path("notes.txt");
        Files.writeString(Path.of(text.path()), "precious");
        try (ServerSocketChannel other = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            other.bind(UnixDomainSocketAddress.of(path.path()));

            assertThatThrownBy(() -> listen(loop(), path, SocketFile.USUAL))
                    .hasMessageContaining("another program listens there, which `ss -lxp` names");
            assertThatThrownBy(() -> listen(loop(), text, SocketFile.USUAL))
                    .hasMessageContaining("there is a file that is no socket");
            SocketChannel.open(UnixDomainSocketAddress.of(path.path())).close();
        }
        assertThat(Path.of(text.path())).hasContent("precious");
    }

    @Test
    void leavesAPipeAndADevice() throws Exception {
        UnixPath pipe = path("pipe");
        assertThat(new ProcessBuilder("mkfifo", pipe.path()).start().waitFor()).isZero();

        assertThatThrownBy(() -> listen(loop(), pipe, SocketFile.USUAL))
                .hasMessageContaining("there is a file that is no socket");
        assertThat(Path.of(pipe.path())).exists();
        assertThat(SocketFile.isSocket(Path.of("/dev/null"))).isFalse();
    }

    @Test
    void leftToAnotherProcessKeepsItsFile() throws Exception {
        UnixPath path = path("app.sock");
        Acceptor acceptor = listen(loop(), path, SocketFile.USUAL);

        acceptor.close(true).sync();

        assertThat(Path.of(path.path())).exists();
    }

    @Test
    void leavesTheFileOfWhoHasTakenItsPlace() throws Exception {
        UnixPath path = path("app.sock");
        Path file = Path.of(path.path());
        Acceptor first = listen(loop(), path, SocketFile.USUAL);
        Files.delete(file);
        Acceptor second = listen(loop(), path, SocketFile.USUAL);
        assertThat(first.isFound()).isFalse();
        assertThat(second.isFound()).isTrue();

        first.close(false).sync();

        assertThat(SocketFile.isAnswered(file)).isTrue();
        second.close(false).sync();
        assertThat(file).doesNotExist();
    }

    @Test
    void thatIsNotThereRefusesADial() throws Exception {
        Future<Channel> dial = dial(loop(), path("none.sock"), Duration.ofSeconds(10));

        assertThat(failure(dial).code()).isEqualTo(ErrorCode.CONNECTION_REFUSED);
    }

    @Test
    void whoseListenerIsBusyIsWaitedFor() throws Exception {
        UnixPath path = path("busy.sock");
        EventLoop loop = loop();
        try (ServerSocketChannel busy = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            busy.bind(UnixDomainSocketAddress.of(path.path()), 1);
            List<Future<Channel>> dials = new ArrayList<>();
            for (int i = 0; i < 4; i++) { // the backlog has room for two
                dials.add(dial(loop, path, Duration.ofSeconds(10)));
            }
            for (int i = 0; i < dials.size(); i++) {
                busy.accept().close();
            }

            for (Future<Channel> dial : dials) {
                assertThat(dial.await(10, TimeUnit.SECONDS) && dial.isSuccess()).isTrue();
            }
        }
    }

    @Test
    void needsEpollSinceNioLosesHalfClose() {
        EventLoopGroup group = Transport.NIO.newEventLoops(1, "loop");
        groups.add(group);

        assertThatThrownBy(() -> Acceptor.listen(
                        Transport.NIO, group.next(), "test", path("app.sock"), SocketFile.USUAL, 1, (from, it) -> {}))
                .isInstanceOf(IOException.class)
                .hasMessageEndingWith("this needs the native epoll library");
    }

    @Test
    void whoseListenerStaysBusyIsGivenUp() throws Exception {
        UnixPath path = path("busy.sock");
        EventLoop loop = loop();
        try (ServerSocketChannel busy = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            busy.bind(UnixDomainSocketAddress.of(path.path()), 1);
            dial(loop, path, Duration.ofSeconds(10)).sync();
            dial(loop, path, Duration.ofSeconds(10)).sync();

            DialFailure failure = failure(dial(loop, path, Duration.ofMillis(100)));

            assertThat(failure.code()).isEqualTo(ErrorCode.TIMEOUT);
            assertThat(failure).hasMessage(path + ": not connected within 100 ms; its listener accepts nothing");
        }
    }

    private static DialFailure failure(Future<Channel> dial) throws InterruptedException {
        assertThat(dial.await(10, TimeUnit.SECONDS)).isTrue();
        assertThat(dial.cause()).isInstanceOf(DialFailure.class);
        return (DialFailure) dial.cause();
    }

    private UnixPath path(String name) {
        return new UnixPath(directory.resolve(name).toString());
    }

    private EventLoop loop() {
        assumeTrue(Transport.best() == Transport.EPOLL, "needs epoll");
        EventLoopGroup group = Transport.EPOLL.newEventLoops(1, "loop");
        groups.add(group);
        return group.next();
    }

    private static Future<Channel> dial(EventLoop loop, UnixPath path, Duration timeout) {
        return new Dialer(Transport.EPOLL, timeout).dial(loop, path, any -> true);
    }

    private Acceptor listen(EventLoop loop, UnixPath path, SocketFile file) throws Exception {
        Acceptor acceptor = Acceptor.listen(
                Transport.EPOLL, loop, "test", path, file, 10, (from, channel) -> accepted.add(channel));
        acceptor.begin();
        return acceptor;
    }

    /** Collects until the end. */
    private static final class Ear extends ChannelInboundHandlerAdapter {
        private final StringBuilder text = new StringBuilder();
        private final CompletableFuture<String> whole;

        Ear(CompletableFuture<String> whole) {
            this.whole = whole;
        }

        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            ByteBuf bytes = (ByteBuf) message;
            text.append(bytes.toString(US_ASCII));
            bytes.release();
        }

        @Override
        public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
            whole.complete(text.toString());
        }
    }
}
