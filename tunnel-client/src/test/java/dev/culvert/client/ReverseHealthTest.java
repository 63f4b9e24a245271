package dev.culvert.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.culvert.common.net.Dialer;
import dev.culvert.common.net.Transport;
import dev.culvert.common.rate.Limits;
import dev.culvert.common.splice.Connections;
import io.netty.channel.EventLoopGroup;
import io.netty.util.concurrent.Ticker;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is offered while the configuration and the target change. */
class ReverseHealthTest {
    private static final Duration DIAL_TIMEOUT = Duration.ofSeconds(5);
    private static final Duration INTERVAL = Duration.ofMillis(200);

    private final EventLoopGroup loops = Transport.best().newEventLoops(1, "loop");
    private final Reverse reverse = new Reverse(
            loops.next(),
            new Dialer(Transport.best(), DIAL_TIMEOUT),
            new Connections(Ticker.systemTicker()),
            name -> Limits.NONE);

    @TempDir
    private Path directory = Path.of("");

    @AfterEach
    void stop() {
        reverse.end();
        loops.shutdownGracefully(0, 0, TimeUnit.MILLISECONDS).syncUninterruptibly();
    }

    private void set(int port, String interval) throws Exception {
        ClientConfig config =
                ClientConfig.read(Files.writeString(directory.resolve("client.conf"), """
                upstream { tls = off, servers = ["127.0.0.1:7443"] }
                reverse { web { target = "127.0.0.1:%d", health { fall = 3, interval = %s } } }
                """.formatted(port, interval)));
        reverse.set(config.reverse(), Edges.of(config), DIAL_TIMEOUT);
    }

    /** Nobody else listens there from now on. */
    private static Socket refuse(ServerSocket target) throws IOException {
        SocketAddress address = target.getLocalSocketAddress();
        target.close();
        Socket bound = new Socket();
        bound.setReuseAddress(true);
        bound.bind(address);
        return bound;
    }

    @Test
    void aTargetThatIsOfferedMayFailAsOftenAfterAReloadAsBefore() throws Exception {
        try (ServerSocket target = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            set(target.getLocalPort(), "1h");
            reverse.begin();
            await().until(() -> reverse.wanted().containsKey("web"));
            int port = target.getLocalPort();
            try (Socket refusing = refuse(target)) {
                assertThat(refusing.getLocalPort()).isEqualTo(port);
                long before = System.nanoTime();
                set(port, INTERVAL.toMillis() + "ms");
                await().until(() -> reverse.wanted().isEmpty());
                assertThat(Duration.ofNanos(System.nanoTime() - before))
                        .isGreaterThanOrEqualTo(INTERVAL.multipliedBy(2));
            }
        }
    }
}
