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
import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.unix.RawUnixChannelOption;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which connections are watched; what is made of it is {@link ProbeRttTest}'s. */
class BbrWatchTest {
    private EventLoopGroup loops;

    @BeforeEach
    void start() {
        assumeTrue(Epoll.isAvailable());
        loops = Transport.EPOLL.newEventLoops(1, "loop");
    }

    @AfterEach
    void stop() {
        if (loops != null) {
            loops.shutdownGracefully(0, 5, TimeUnit.SECONDS).syncUninterruptibly();
        }
    }

    private static boolean use(Channel channel, String control) {
        byte[] name = control.getBytes(StandardCharsets.US_ASCII);
        try {
            return channel.config()
                    .setOption(new RawUnixChannelOption("TCP_CONGESTION", 6, 13, name.length), ByteBuffer.wrap(name));
        } catch (ChannelException e) {
            return false;
        }
    }

    @ParameterizedTest
    @CsvSource({"bbr,true", "reno,false"})
    void aConnectionUnderBbrIsWatched(String control, boolean watched) throws Exception {
        EventLoop loop = loops.next();
        try (ServerSocket listening = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Channel channel = new Dialer(Transport.EPOLL, Duration.ofSeconds(10))
                    .dial(loop, new HostPort("127.0.0.1", listening.getLocalPort()), any -> true)
                    .sync()
                    .getNow();
            try {
                assumeTrue(use(channel, control), "this kernel has no " + control + ", or not for everybody");
                loop.submit(() -> {
                            MuxConnection connection = new MuxConnection(session());
                            channel.pipeline().addLast(connection);
                            BbrWatch.addTo(channel.pipeline(), connection);
                        })
                        .sync();
                assertThat(channel.pipeline().get(BbrWatch.class) != null).isEqualTo(watched);
            } finally {
                channel.close().sync();
            }
        }
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
