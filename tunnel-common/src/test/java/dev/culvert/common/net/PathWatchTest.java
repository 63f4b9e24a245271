package dev.culvert.common.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.MuxConnection;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.MuxSettings;
import dev.culvert.mux.MuxStream;
import dev.culvert.mux.ProtocolVersion;
import dev.culvert.mux.SessionListener;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.EpollChannelOption;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Which connections are watched, and what the kernel is told; when bulk waits is {@link ProbeRttTest}'s. */
class PathWatchTest {
    private final Transport transport = Transport.best();
    private final EventLoopGroup loops = transport.newEventLoops(1, "loop");

    @AfterEach
    void stop() {
        loops.shutdownGracefully(0, 5, TimeUnit.SECONDS).syncUninterruptibly();
    }

    @Test
    void oneUnderBbrIsWatched() throws Exception {
        assertThat(watchOf(InetAddress.getLoopbackAddress(), "bbr")).isInstanceOf(BbrWatch.class);
    }

    @Test
    void onThisMachineThereIsNoPathToWatch() throws Exception {
        assertThat(watchOf(InetAddress.getLoopbackAddress(), "reno")).isNull();
    }

    @Test
    void theQueueOfOneThatMayLeaveTheMachineIsWatched() throws Exception {
        Optional<InetAddress> own = NetworkInterface.networkInterfaces()
                .flatMap(NetworkInterface::inetAddresses)
                .filter(address -> address instanceof Inet4Address && !address.isLoopbackAddress())
                .findFirst();
        assumeTrue(own.isPresent(), "no address but loopback ones");
        assertThat(watchOf(own.get(), "reno")).isInstanceOf(QueueWatch.class);
    }

    private @Nullable PathWatch watchOf(InetAddress address, String control) throws Exception {
        try (ServerSocket listening = new ServerSocket(0, 1, address)) {
            Channel channel = dial(listening, control);
            try {
                return channel.pipeline().get(PathWatch.class);
            } finally {
                channel.close().sync();
            }
        }
    }

    @Test
    void theKernelIsGivenMoreAheadWhereThePathIsFast() throws Exception {
        try (ServerSocket listening = listen()) {
            Channel channel = dial(listening, "bbr");
            try (Socket peer = listening.accept()) {
                Thread reader = new Thread(() -> readAll(peer), "reader");
                reader.start();
                long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
                while (unsent(channel) == MuxConnection.UNSENT_LOW_WATER && System.nanoTime() < deadline) {
                    channel.writeAndFlush(Unpooled.buffer(1 << 20).writerIndex(1 << 20))
                            .sync();
                }
                assertThat(unsent(channel)).isGreaterThan(MuxConnection.UNSENT_LOW_WATER);
                channel.close().sync();
                reader.join(10_000);
                assertThat(reader.isAlive()).isFalse();
            } finally {
                channel.close().sync();
            }
        }
    }

    private static long unsent(Channel channel) {
        return channel.config().getOption(EpollChannelOption.TCP_NOTSENT_LOWAT);
    }

    private static void readAll(Socket peer) {
        try {
            peer.getInputStream().transferTo(OutputStream.nullOutputStream());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static ServerSocket listen() throws IOException {
        return new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
    }

    /** A connection that is watched, if there is something to watch. */
    private Channel dial(ServerSocket listening, String control) throws Exception {
        EventLoop loop = loops.next();
        Channel channel = new Dialer(transport, Duration.ofSeconds(10))
                .dial(
                        loop,
                        new HostPort(listening.getInetAddress().getHostAddress(), listening.getLocalPort()),
                        any -> true)
                .sync()
                .getNow();
        boolean isUsed = CongestionControl.use(channel, control);
        if (!isUsed) {
            channel.close().sync();
        }
        assumeTrue(isUsed, control + " is not to be had here, or not by everybody");
        TcpOption.UNSENT_LOW_WATER.set(channel, MuxConnection.UNSENT_LOW_WATER); // before the watch: it sets it, too
        loop.submit(() -> {
                    MuxConnection connection = new MuxConnection(session());
                    channel.pipeline().addLast(connection);
                    PathWatch.addTo(channel.pipeline(), connection);
                })
                .sync();
        return channel;
    }

    private static MuxSession session() {
        return new MuxSession(MuxSession.Role.CLIENT, MuxSettings.of(ProtocolVersion.CULVERT), new SessionListener() {
            @Override
            public void onStream(MuxSession session, MuxStream stream) {}

            @Override
            public void onClosed(MuxSession session, ErrorCode code, String text) {}
        });
    }
}
