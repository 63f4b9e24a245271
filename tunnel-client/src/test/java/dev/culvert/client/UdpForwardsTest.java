package dev.culvert.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.culvert.common.net.Transport;
import dev.culvert.common.rate.Limits;
import dev.culvert.common.splice.Carriers;
import dev.culvert.common.splice.Connections;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.util.concurrent.Ticker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which sockets there are; UdpTest has the datagrams. */
class UdpForwardsTest {
    private final EventLoopGroup loops = Transport.best().newEventLoops(1, "loop");
    private final EventLoop loop = loops.next();
    private final Ticker ticker = Ticker.systemTicker();
    private final UdpForwards forwards = new UdpForwards(
            Transport.best(),
            loop,
            List.of(),
            new Connections(ticker),
            name -> Limits.NONE,
            new Carriers<>(loop, ticker, List.of(), () -> ""));

    @TempDir
    private Path directory = Path.of("");

    @AfterEach
    void stop() {
        forwards.drain();
        loops.shutdownGracefully(0, 0, TimeUnit.MILLISECONDS).syncUninterruptibly();
    }

    private List<ForwardConfig> config(String forwards) throws Exception {
        return ClientConfig.read(Files.writeString(
                        directory.resolve("client.conf"),
                        "upstream { tls = off, servers = [\"127.0.0.1:7443\"] }, forwards { " + forwards + " }"))
                .udpForwards();
    }

    private static String udp(String name, String listen) {
        return "%s { protocol = udp, listen = \"%s\", target = \"127.0.0.1:53\" }\n".formatted(name, listen);
    }

    @Test
    void oneSocketIsNotForTwo() throws Exception {
        String dns = udp("dns", "127.0.0.1:0");
        forwards.set(config(dns));
        String address = forwards.leaving(List.of()).values().iterator().next();
        List<ForwardConfig> both = config(dns + udp("same", address.substring("udp:".length())));
        String why =
                "forwards.same: cannot listen on %s: that is where forwards.dns listens, on udp:127.0.0.1:0; give each its own address"
                        .formatted(address);

        assertThat(forwards.obstacle(both)).contains(why);
        assertThatThrownBy(() -> forwards.set(both))
                .isInstanceOf(IOException.class)
                .hasMessage(why);
        assertThat(forwards.leaving(List.of())).containsValue(address).hasSize(1);
    }
}
