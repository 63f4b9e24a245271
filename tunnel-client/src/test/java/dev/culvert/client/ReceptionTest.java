package dev.culvert.client;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.common.config.RateConfig;
import dev.culvert.common.net.AddressSet;
import dev.culvert.common.net.Origin;
import dev.culvert.common.net.SocketFile;
import dev.culvert.common.tls.Identity;
import dev.culvert.common.tls.OfferedTls;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import io.netty.channel.ManualIoEventLoop;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.util.concurrent.MockTicker;
import io.netty.util.concurrent.Ticker;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** On the test's own thread, and its time goes on only where a test says so. */
class ReceptionTest {
    @TempDir
    private Path directory = Path.of("");

    private final MockTicker ticker = Ticker.newMockTicker();
    private final ManualIoEventLoop loop =
            new ManualIoEventLoop(null, Thread.currentThread(), NioIoHandler.newFactory(), ticker);
    private final List<String> turnedAway = new ArrayList<>();
    private final List<Reception.Destination> admitted = new ArrayList<>();
    private final List<NioSocketChannel> channels = new ArrayList<>();

    private final Reception.Host host = new Reception.Host() {
        @Override
        public void admit(Origin origin, Reception.Destination destination) {
            admitted.add(destination);
        }

        @Override
        public void turnAway(Origin origin, String why) {
            turnedAway.add(why);
        }
    };

    @AfterEach
    void end() {
        channels.forEach(NioSocketChannel::close);
        loop.shutdownGracefully(0, 0, TimeUnit.SECONDS);
        loop.runNow();
        ticker.advance(1, TimeUnit.SECONDS); // it has been quiet since then
        until(loop::isTerminated);
    }

    private void until(Callable<Boolean> done) {
        OwnThread.until(loop, done);
    }

    /** An application that has connected to a forward. */
    private Socket receive(ForwardProtocol protocol, AddressSet proxies, Optional<OfferedTls> tls) throws IOException {
        ForwardConfig forward = new ForwardConfig(
                "web",
                protocol,
                new HostPort("127.0.0.1", 1),
                SocketFile.USUAL,
                Optional.empty(),
                proxies,
                Optional.empty(),
                protocol.isProxy() ? Optional.empty() : Optional.of(new HostPort("127.0.0.1", 2)),
                Optional.empty(),
                Optional.empty(),
                1,
                Duration.ofSeconds(60),
                RateConfig.OFF);
        try (ServerSocketChannel listening = ServerSocketChannel.open()) {
            listening.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            Socket application = new Socket();
            application.setSoTimeout(10_000);
            application.connect(listening.getLocalAddress());
            NioSocketChannel channel = new NioSocketChannel(listening.accept());
            channels.add(channel);
            Origin origin = Objects.requireNonNull(Origin.of(channel));
            Reception.begin(loop, forward, tls, channel, origin, host);
            until(channel::isRegistered);
            return application;
        }
    }

    private OfferedTls offeredTls() throws IOException {
        Path key = directory.resolve("web.key");
        Identity.make(key, "web");
        return OfferedTls.of(Identity.read(key, key), Optional.empty());
    }

    @ParameterizedTest
    @CsvSource({
        "SOCKS5, false, false, it has not said within 10 s where it goes",
        "HTTP_CONNECT, false, false, it has not said within 10 s where it goes",
        "TCP, true, false, no TLS: handshake timed out after 10000ms",
        "TCP, false, true, no PROXY header in time",
    })
    void whoSaysNothingIsTurnedAwayAfterTenSeconds(
            ForwardProtocol protocol, boolean hasTls, boolean hasHeader, String why) throws Exception {
        Optional<OfferedTls> tls = hasTls ? Optional.of(offeredTls()) : Optional.empty();
        try (Socket application = receive(protocol, hasHeader ? AddressSet.parse("127.0.0.1") : AddressSet.NONE, tls)) {
            ticker.advance(9_999, TimeUnit.MILLISECONDS);
            loop.runNow();
            assertThat(turnedAway).isEmpty();
            assertThat(channels).allMatch(NioSocketChannel::isOpen);

            ticker.advance(1, TimeUnit.MILLISECONDS);
            until(() -> !turnedAway.isEmpty());
            assertThat(turnedAway).containsExactly(why);
            assertThat(application.getInputStream().readAllBytes()).isEmpty();
        }
    }

    @ParameterizedTest
    @CsvSource({
        "CANCELLED, 1",
        "PROTOCOL_ERROR, 1",
        "INTERNAL, 1",
        "REFUSED, 1",
        "FORBIDDEN, 2",
        "CONNECTION_REFUSED, 5",
        "UNREACHABLE, 4",
        "NAME_NOT_FOUND, 4",
        "TIMEOUT, 6",
        "CONNECTION_RESET, 1",
        "FLOW_CONTROL, 1",
        "LIMIT_REACHED, 1",
        "DRAINING, 1",
    })
    void whyATargetIsNotReachedHasAReplyOfSocks(ErrorCode code, int reply) throws Exception {
        try (Socket application = receive(ForwardProtocol.SOCKS5, AddressSet.NONE, Optional.empty())) {
            application.getOutputStream().write(new byte[] {5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, 0, 80});
            until(() -> !admitted.isEmpty());
            admitted.get(0).answer().refused(channels.get(0), code, "because");
            until(() -> !channels.get(0).isOpen());

            assertThat(application.getInputStream().readAllBytes())
                    .startsWith(5, 0, 5, reply)
                    .hasSize(2 + 10);
        }
    }

    @Test
    void whoHasSaidWhereItGoesHasAllTheTimeThereIs() throws Exception {
        try (Socket application = receive(ForwardProtocol.SOCKS5, AddressSet.NONE, Optional.empty())) {
            application.getOutputStream().write(new byte[] {5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, 0, 80});
            until(() -> !admitted.isEmpty());
            ticker.advance(1, TimeUnit.HOURS);
            loop.runNow();

            assertThat(turnedAway).isEmpty();
            assertThat(admitted)
                    .singleElement()
                    .satisfies(
                            destination -> assertThat(destination.target()).isEqualTo(new HostPort("127.0.0.1", 80)));
        }
    }
}
