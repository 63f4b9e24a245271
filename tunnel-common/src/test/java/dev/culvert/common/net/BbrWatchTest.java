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
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which connections are watched; what is made of it is {@link ProbeRttTest}'s. */
class BbrWatchTest {
    private final Transport transport = Transport.best();
    private final EventLoopGroup loops = transport.newEventLoops(1, "loop");

    @AfterEach
    void stop() {
        loops.shutdownGracefully(0, 5, TimeUnit.SECONDS).syncUninterruptibly();
    }

    @ParameterizedTest
    @CsvSource({"bbr,true", "reno,false"})
    void aConnectionUnderBbrIsWatched(String control, boolean watched) throws Exception {
        EventLoop loop = loops.next();
        try (ServerSocket listening = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Channel channel = new Dialer(transport, Duration.ofSeconds(10))
                    .dial(loop, new HostPort("127.0.0.1", listening.getLocalPort()), any -> true)
                    .sync()
                    .getNow();
            try {
                assumeTrue(
                        CongestionControl.use(channel, control),
                        control + " is not to be had here, or not by everybody");
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
