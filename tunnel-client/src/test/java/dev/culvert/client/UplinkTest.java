package dev.culvert.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.culvert.common.lifecycle.Sessions;
import dev.culvert.common.net.Dialer;
import dev.culvert.common.net.SessionSocket;
import dev.culvert.common.net.Transport;
import dev.culvert.common.rate.Limits;
import dev.culvert.common.splice.Connections;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.MuxConnection;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.MuxSettings;
import dev.culvert.mux.MuxStream;
import dev.culvert.mux.ProtocolVersion;
import dev.culvert.mux.SessionListener;
import dev.culvert.mux.SharedBudget;
import dev.culvert.mux.Token;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.ManualIoEventLoop;
import io.netty.channel.nio.NioIoHandler;
import io.netty.util.concurrent.MockTicker;
import io.netty.util.concurrent.Ticker;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The uplink's time goes on only where a test says so, on the test's own thread. */
class UplinkTest {
    private static final Duration PAUSE = Duration.ofSeconds(1);
    private static final Duration RETURN_AFTER = Duration.ofSeconds(100);
    private static final MuxSettings SETTINGS =
            MuxSettings.of(ProtocolVersion.CULVERT).with(new MuxSettings.Resume(Duration.ofSeconds(60), 64 << 10));

    private final MockTicker ticker = Ticker.newMockTicker();
    private final ManualIoEventLoop loop =
            new ManualIoEventLoop(null, Thread.currentThread(), NioIoHandler.newFactory(), ticker);
    private final EventLoopGroup servers = Transport.NIO.newEventLoops(1, "server");
    private final Present present = new Present();
    private ServerSocketChannel better;
    private Uplink uplink;

    @BeforeEach
    void begin() throws Exception {
        better = ServerSocketChannel.open();
        better.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0)).configureBlocking(false);
        Channel listening = new ServerBootstrap()
                .group(servers)
                .channel(Transport.NIO.serverChannel())
                .childHandler(present)
                .bind(InetAddress.getLoopbackAddress(), 0)
                .sync()
                .channel();
        Way way = new Way(
                List.of(server(better.getLocalAddress()), server(listening.localAddress())),
                new Dialer(Transport.NIO, Duration.ofSeconds(10)),
                new SessionSocket(Duration.ofSeconds(10)),
                SETTINGS,
                new UpstreamConfig.Backoff(PAUSE, PAUSE),
                Optional.empty(),
                Optional.of(RETURN_AFTER));
        Connections connections = new Connections(ticker);
        uplink = new Uplink(
                "uplink",
                List.of(),
                loop,
                way,
                new Sessions(connections, ticker),
                new SharedBudget(1 << 20),
                new Reverse(loop, new Dialer(Transport.NIO, Duration.ofSeconds(10)), connections, name -> Limits.NONE),
                () -> {});
        uplink.start();
    }

    @AfterEach
    void end() throws Exception {
        better.close();
        loop.shutdownGracefully(0, 0, TimeUnit.SECONDS);
        until(loop::isTerminated);
        servers.shutdownGracefully(0, 1, TimeUnit.SECONDS).sync();
    }

    private static Server server(Object address) {
        HostPort at = HostPort.of((InetSocketAddress) address);
        return new Server(Location.of(at), 0, Optional.empty(), null, null);
    }

    private void until(Callable<Boolean> done) {
        await().pollInSameThread()
                .pollDelay(Duration.ZERO)
                .pollInterval(Duration.ofMillis(1))
                .until(() -> {
                    loop.runNow();
                    return done.call();
                });
    }

    private void pass(Duration time) {
        ticker.advance(time.toNanos(), TimeUnit.NANOSECONDS);
    }

    /** The better server is dialled, and is not there after all. */
    private boolean betterRefuses() throws Exception {
        try (SocketChannel dialled = better.accept()) {
            return dialled != null;
        }
    }

    @Test
    void aBetterServerIsTriedAsOftenAsBeforeWhenTheSessionWasResumed() {
        until(this::betterRefuses);
        until(uplink::isReady);
        pass(RETURN_AFTER.dividedBy(2));
        present.cut();
        until(() -> !uplink.isReady());
        pass(PAUSE);
        until(uplink::isReady);

        long resumedAt = ticker.nanoTime();
        until(() -> {
            pass(Duration.ofSeconds(1));
            return betterRefuses();
        });
        assertThat(Duration.ofNanos(ticker.nanoTime() - resumedAt))
                .isGreaterThanOrEqualTo(RETURN_AFTER.multipliedBy(9).dividedBy(10));
    }

    /** The server that sessions are with. It has one, which can be resumed. */
    private static final class Present extends ChannelInitializer<Channel> implements SessionListener {
        private volatile @Nullable Channel last;
        private @Nullable MuxConnection connection;
        private @Nullable MuxSession session;

        @Override
        protected void initChannel(Channel channel) {
            last = channel;
            connection = new MuxConnection(
                    new MuxSession(MuxSession.Role.SERVER, SETTINGS, this, new SharedBudget(1 << 20)));
            channel.pipeline().addLast(connection);
        }

        void cut() {
            Objects.requireNonNull(last).close();
        }

        @Override
        public void onUp(MuxSession up) {
            session = up;
        }

        @Override
        public boolean onResume(MuxSession fresh, Token token, long peerHas) {
            MuxConnection link = Objects.requireNonNull(connection);
            link.carry(
                    Objects.requireNonNull(session),
                    Objects.requireNonNull(last).eventLoop(),
                    peerHas);
            return true;
        }

        @Override
        public void onStream(MuxSession session, MuxStream stream) {}

        @Override
        public void onClosed(MuxSession session, ErrorCode code, String text) {}
    }
}
