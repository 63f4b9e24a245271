package dev.culvert.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.common.net.AddressSet;
import dev.culvert.mux.HostPort;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class EntranceTest {
    private static final InetSocketAddress PEER = new InetSocketAddress("192.0.2.7", 5555);

    private final List<String> heard = new ArrayList<>();
    private final EmbeddedChannel channel = new EmbeddedChannel(new Entrance(
            new WebSocketConfig("/tunnel", AddressSet.parse("10.0.0.1")),
            PEER,
            Duration.ofSeconds(10),
            new Entrance.Listener() {
                @Override
                public void onDirect() {
                    heard.add("direct");
                }

                @Override
                public void onWebSocket(HostPort from) {
                    heard.add("by WebSocket from " + from);
                }

                @Override
                public void onFailed(String reason) {
                    heard.add(reason);
                }
            }));

    private void hear(String text) {
        channel.writeInbound(Unpooled.copiedBuffer(text, StandardCharsets.ISO_8859_1));
    }

    /** Asks for a WebSocket, with one more line in the head. */
    private void ask(String header) {
        hear("""
                GET /tunnel HTTP/1.1
                Upgrade: websocket
                Connection: Upgrade
                Sec-WebSocket-Version: 13
                Sec-WebSocket-Key: a
                %s

                """.formatted(header).replace("\n", "\r\n"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"\u0016\u0003\u0001", "\u0082x", "\u0001x", "get"})
    void whatIsNoHttpIsPassedOnAsItCame(String text) {
        hear(text);

        assertThat(heard).containsExactly("direct");
        ByteBuf passed = channel.readInbound();
        assertThat(passed.toString(StandardCharsets.ISO_8859_1)).isEqualTo(text);
        passed.release();
        channel.advanceTimeBy(1, TimeUnit.HOURS);
        channel.runScheduledPendingTasks();
        assertThat(channel.isOpen()).isTrue();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "GET /other HTTP/1.1       | for another path than websocket.path",
                "POST /tunnel HTTP/1.1     | not for a WebSocket; if it was when the client sent it, the web server has to pass on",
                "GET /tunnel HTTP/1.1      | not for a WebSocket",
                "GET /tunnel HTTP/x        | no request of HTTP",
            })
    void whatIsNotForTheTunnelIsRefusedWithAReason(String line, String reason) {
        hear(line + "\r\nHost: any\r\n\r\n");

        assertThat(heard).hasSize(1);
        assertThat(heard.get(0)).contains(reason);
        ByteBuf answer = channel.readOutbound();
        assertThat(answer.toString(StandardCharsets.ISO_8859_1)).startsWith("HTTP/1.1 404 Not Found\r\n");
        answer.release();
        channel.releaseOutbound();
        assertThat(channel.isOpen()).isFalse();
    }

    @Test
    void aPageInABrowserIsRefused() {
        ask("Origin: http://localhost");

        assertThat(heard).containsExactly("a request for a WebSocket with an Origin: pages in browsers are no clients");
        channel.releaseOutbound();
    }

    /** The load balancer that has named it may be one of trusted-proxies, but it is not who has sent this header. */
    @Test
    void whomAPROXYHeaderHasNamedIsTheClientAndNotBelieved() {
        ask("X-Forwarded-For: 203.0.113.9");

        assertThat(heard).containsExactly("by WebSocket from 192.0.2.7:5555");
        channel.releaseOutbound();
    }

    @Test
    void aHeadThatIsTooLongIsRefused() {
        hear("GET /" + "x".repeat(5_000));

        assertThat(heard)
                .containsExactly(
                        "it has sent no request of HTTP, or one with more than 4 KiB in its first line or in its headers");
        channel.releaseOutbound();
    }

    @ParameterizedTest
    @CsvSource({"'', it has said nothing in time", "GET, no request in time"})
    void whoIsSlowIsGivenUp(String said, String reason) {
        hear(said);
        channel.advanceTimeBy(10, TimeUnit.SECONDS);
        channel.runScheduledPendingTasks();

        assertThat(heard).containsExactly(reason);
        assertThat(channel.isOpen()).isFalse();
    }

    @Test
    void whoLeavesIsSaidToHave() {
        channel.close();

        assertThat(heard).containsExactly("the peer closed the connection before it said what it wants");
    }
}
