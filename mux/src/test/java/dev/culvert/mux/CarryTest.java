package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * A session goes on by connections that come to other event loops than its own: on real sockets, with an application
 * that echoes.
 */
class CarryTest {
    private static final MuxSettings KEPT =
            MuxSettings.of(ProtocolVersion.CULVERT).with(new MuxSettings.Resume(Duration.ofSeconds(60), 1 << 20));

    /** Connections go to its loops in turn. */
    private final EventLoopGroup servers = new MultiThreadIoEventLoopGroup(2, NioIoHandler.newFactory());

    private final EventLoopGroup clients = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    private final EventLoop clientLoop = clients.next();
    private final Map<Token, Accepted> sessions = new ConcurrentHashMap<>();
    /** The loop that each connection came to, in order. */
    private final List<EventLoop> arrivals = new CopyOnWriteArrayList<>();
    /** What went on the loop that it should not be on. */
    private final List<String> astray = new CopyOnWriteArrayList<>();

    /** What happens to a connection that has begun to leave its loop, there. */
    private volatile Consumer<Accepted> onItsWay = connection -> {};

    private final List<String> closed = new CopyOnWriteArrayList<>();
    private final List<String> echo = new CopyOnWriteArrayList<>();
    private Channel listening;
    /** What the client has dialled last. */
    private volatile @Nullable Channel current;

    @BeforeEach
    void listen() throws Exception {
        listening = new ServerBootstrap()
                .group(clients, servers)
                .channel(NioServerSocketChannel.class)
                .childHandler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        arrivals.add(channel.eventLoop());
                        new Accepted(channel);
                    }
                })
                .bind(InetAddress.getLoopbackAddress(), 0)
                .sync()
                .channel();
    }

    @AfterEach
    void close() throws Exception {
        listening.close().sync();
        servers.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync();
        clients.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync();
    }

    /** The server's end of a connection, and of the session that it was first of all for. */
    private final class Accepted implements SessionListener, StreamListener {
        private final Channel channel;
        private final EventLoop loop;
        private final MuxSession session = new MuxSession(MuxSession.Role.SERVER, KEPT, this);
        private final MuxConnection connection = new MuxConnection(session);

        Accepted(Channel channel) {
            this.channel = channel;
            loop = channel.eventLoop();
            channel.pipeline().addLast(connection);
        }

        private void at(String event) {
            if (!loop.inEventLoop()) {
                astray.add(event);
            }
        }

        @Override
        public void onUp(MuxSession up) {
            sessions.put(up.token().orElseThrow(), this);
        }

        @Override
        public boolean onResume(MuxSession fresh, Token token, long peerHas) {
            at("onResume");
            Accepted other = sessions.get(token);
            if (other == null) {
                return false;
            }
            connection.carry(other.session, other.loop, peerHas, () -> {});
            onItsWay.accept(this);
            return true;
        }

        @Override
        public void onLost(MuxSession lost, String text) {
            at("onLost");
        }

        @Override
        public void onResumed(MuxSession resumed) {
            at("onResumed");
        }

        @Override
        public void onStream(MuxSession opened, MuxStream stream) {
            stream.attach(this);
        }

        @Override
        public void onData(MuxStream from, ByteBuf data) {
            at("onData");
            from.consumed(data.readableBytes());
            from.write(data);
        }

        @Override
        public void onFin(MuxStream from) {
            from.shutdownOutput();
        }

        @Override
        public void onReset(MuxStream from, ErrorCode code, String text) {}

        @Override
        public void onClosed(MuxSession ended, ErrorCode code, String text) {
            at("onClosed");
            closed.add("server: " + text);
        }
    }

    /** The client's end. */
    private class Dialled extends ChannelInitializer<Channel> implements SessionListener, StreamListener {
        private final MuxSession session = new MuxSession(MuxSession.Role.CLIENT, KEPT, this);
        private final MuxConnection connection = new MuxConnection(session);
        private final @Nullable MuxSession wanted;

        Dialled(@Nullable MuxSession wanted) {
            this.wanted = wanted;
        }

        @Override
        protected void initChannel(Channel channel) {
            if (wanted != null) {
                if (!wanted.isLost()) {
                    channel.close();
                    return;
                }
                session.prefer(wanted);
            }
            channel.pipeline().addLast(connection);
            current = channel;
        }

        @Override
        public boolean onResume(MuxSession fresh, Token token, long peerHas) {
            if (wanted != null) {
                connection.carry(wanted, clientLoop, peerHas, () -> {});
            }
            return wanted != null;
        }

        @Override
        public void onStream(MuxSession opened, MuxStream stream) {}

        @Override
        public void onData(MuxStream from, ByteBuf data) {
            from.consumed(data.readableBytes());
            echo.add(data.toString(StandardCharsets.UTF_8));
            data.release();
        }

        @Override
        public void onFin(MuxStream from) {
            echo.add("fin");
        }

        @Override
        public void onReset(MuxStream from, ErrorCode code, String text) {
            echo.add("reset: " + text);
        }

        @Override
        public void onClosed(MuxSession ended, ErrorCode code, String text) {
            closed.add("client: " + text);
        }
    }

    private Channel dial(Dialled by) throws InterruptedException {
        return new Bootstrap()
                .group(clientLoop)
                .channel(NioSocketChannel.class)
                .handler(by)
                .connect(listening.localAddress())
                .await() // it may have become needless
                .channel();
    }

    private void cut() throws InterruptedException {
        Channel channel = current;
        if (channel != null) {
            channel.close().sync();
        }
    }

    private void write(MuxStream stream, String text) throws Exception {
        clientLoop
                .submit(() -> stream.write(ByteBufUtil.writeUtf8(ByteBufAllocator.DEFAULT, text)))
                .sync();
    }

    /** What the server has sent back is all that was written; a link that is lost meanwhile is replaced. */
    private void awaitEcho(MuxSession session, StringBuilder written) {
        await().pollInterval(Duration.ofMillis(10)).untilAsserted(() -> {
            if (clientLoop.submit(session::isLost).sync().getNow()) {
                dial(new Dialled(session));
            }
            assertThat(String.join("", echo)).isEqualTo(written.toString());
        });
    }

    private MuxSession open(Dialled first) throws InterruptedException {
        dial(first);
        await().pollInterval(Duration.ofMillis(10)).until(first.session::isOpenable);
        return first.session;
    }

    private void end(MuxSession session) throws InterruptedException {
        clientLoop.submit(() -> session.close(ErrorCode.CANCELLED, "enough")).sync();
        await().pollInterval(Duration.ofMillis(10))
                .untilAsserted(() -> assertThat(closed).contains("client: enough", "server: enough"));
    }

    @Test
    void aSessionGoesOnByAConnectionOfAnotherLoop() throws Exception {
        Dialled first = new Dialled(null);
        MuxSession session = open(first);
        MuxStream stream = clientLoop
                .submit(() -> session.open(OpenRequest.EMPTY, first))
                .sync()
                .getNow();
        StringBuilder written = new StringBuilder();
        for (int i = 0; i < 8; i++) {
            write(stream, "before " + i + ", ");
            cut();
            if (i % 2 == 0) { // one that is gone as soon as it has asked, perhaps in the middle of its way
                dial(new Dialled(session)).close().sync();
            }
            write(stream, "after " + i + ". ");
            written.append("before %d, after %d. ".formatted(i, i));
            awaitEcho(session, written);
        }
        assertThat(astray).isEmpty();
        assertThat(arrivals).contains(servers.next(), servers.next());
        end(session);
    }

    /** What the kernel takes of the last that TLS has written, say, makes the connection writable then. */
    @Test
    void whatAConnectionIsToldOnItsWayIsNotDoneOnTheLoopThatItLeaves() throws Exception {
        CompletableFuture<Boolean> resumed =
                new CompletableFuture<Boolean>().completeOnTimeout(false, 5, TimeUnit.SECONDS);
        onItsWay = connection -> {
            connection.loop.execute(resumed::join); // which has no time for what comes next
            connection.channel.pipeline().fireChannelWritabilityChanged();
        };
        Dialled first = new Dialled(null) {
            @Override
            public void onResumed(MuxSession session) {
                resumed.complete(true);
            }
        };
        MuxSession session = open(first);
        cut();
        await().until(() -> clientLoop.submit(session::isLost).sync().getNow()); // which it hears a moment later
        dial(new Dialled(session));

        assertThat(resumed.get(10, TimeUnit.SECONDS)).isTrue();
        end(session);
    }
}
