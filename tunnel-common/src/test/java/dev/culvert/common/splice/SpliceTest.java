package dev.culvert.common.splice;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.common.net.Dialer;
import dev.culvert.common.net.Transport;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.MuxConnection;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.MuxSettings;
import dev.culvert.mux.MuxStream;
import dev.culvert.mux.OpenRequest;
import dev.culvert.mux.ProtocolVersion;
import dev.culvert.mux.SessionListener;
import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.util.concurrent.Ticker;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class SpliceTest {
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private final Transport transport = Transport.best();
    private final EventLoopGroup loops = transport.newEventLoops(1, "test");
    private final EventLoop loop = loops.next();
    private final Connections connections = new Connections(Ticker.systemTicker());

    @AfterEach
    void close() {
        loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
    }

    private static MuxSession newSession() {
        SessionListener listener = new SessionListener() {
            @Override
            public void onStream(MuxSession session, MuxStream stream) {}

            @Override
            public void onClosed(MuxSession session, ErrorCode code, String text) {}
        };
        return new MuxSession(MuxSession.Role.CLIENT, MuxSettings.of(ProtocolVersion.SMUX_1), listener);
    }

    /** A channel takes no options any more between its closing and the moment its handlers hear of that. */
    @Test
    void a_session_that_ends_while_the_socket_closes_ends_the_connection() throws Exception {
        try (ServerSocket listening = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            HostPort address = new HostPort("127.0.0.1", listening.getLocalPort());
            Channel channel = new Dialer(transport, PATIENCE)
                    .dial(loop, address, any -> true)
                    .get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
            try (Socket accepted = listening.accept()) {
                loop.submit(() -> {
                            MuxSession session = newSession();
                            EmbeddedChannel wire = new EmbeddedChannel(new MuxConnection(session));
                            Connection connection = connections.add("1", "web", "", "client", address.toString());
                            Splice.open(channel, connection, session, OpenRequest.EMPTY);
                            channel.close();
                            session.close(ErrorCode.CONNECTION_RESET, "the peer is gone");
                            wire.finishAndReleaseAll();
                        })
                        .get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
                assertThat(connections.size()).isZero();
                assertThat(accepted.isConnected()).isTrue();
            }
        }
    }
}
