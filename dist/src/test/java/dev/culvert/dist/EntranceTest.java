package dev.culvert.dist;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.net.SocketException;
import java.util.HexFormat;
import java.util.Random;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What anybody may say where a server takes WebSockets, before it knows who that is: it costs the connection, and
 * another client goes on.
 */
@SuppressWarnings("NullAway.Init")
final class EntranceTest {
    private static final Service ECHO = Service.echo();
    private static final long SEED = Long.getLong("entrance.seed", 5);
    private static final String REQUEST = """
            GET /tunnel HTTP/1.1
            Host: any
            Upgrade: websocket
            Connection: keep-alive, Upgrade
            Sec-WebSocket-Version: 13
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==

            """.replace("\n", "\r\n");

    private static Tunnel tunnel;
    private static int descriptors = Integer.MAX_VALUE;

    @BeforeAll
    static void open() throws IOException {
        tunnel = Tunnel.to(ECHO)
                .server("websocket { path = \"/tunnel\", trusted-proxies = [\"127.0.0.1\"] }")
                .server("limits.handshake-timeout = 1s")
                .open();
        Tunnel.echoes(tunnel.client());
        try (Socket socket = connect()) {
            write(socket, REQUEST);
            readHead(socket);
        }
        await().until(() -> ECHO.connections() == 0);
        descriptors = tunnel.server().descriptors() + 2;
    }

    @AfterAll
    static void close() throws IOException {
        tunnel.close();
        ECHO.close();
    }

    @AfterEach
    void theOthersGoOnAndNothingIsLeft() throws IOException {
        Tunnel.echoes(tunnel.client());
        assertThat(tunnel.client().log().matching("session up")).hasSize(1);
        await().atMost(AgentProcess.PATIENCE)
                .untilAsserted(() -> assertThat(tunnel.server().descriptors()).isLessThanOrEqualTo(descriptors));
    }

    @Test
    void whatABalancerHasSaidHoldsForWebSocketsToo() throws Exception {
        try (AgentProcess server = Tunnel.to(ECHO)
                        .server("websocket { path = \"/tunnel\", trusted-proxies = [\"127.0.0.1\"] }")
                        .server("accept-proxy-protocol = \"127.0.0.1\"")
                        .startServer(0);
                Socket socket = Tunnel.connectTo(server.port("listen"))) {
            write(socket, "PROXY TCP4 192.0.2.7 203.0.113.1 5555 443\r\n");
            write(socket, REQUEST.replace("Host: any", "Host: any\r\nX-Forwarded-For: 198.51.100.9"));
            readHead(socket);
            socket.shutdownOutput();
            server.awaitLog("192\\.0\\.2\\.7:5555");
            assertThat(server.log().matching("198\\.51\\.100\\.9|127\\.0\\.0\\.1:" + socket.getLocalPort()))
                    .isEmpty();
        }
    }

    /** A server that ends nobody because of the time: what it ends it ends for what was said. */
    private static Tunnel.Builder patient() {
        return Tunnel.to(ECHO)
                .server("websocket { path = \"/tunnel\", trusted-proxies = [\"127.0.0.1\"] }")
                .server("limits.handshake-timeout = 5m, user-timeout = 5m");
    }

    private static Socket connect() throws IOException {
        return Tunnel.connectTo(tunnel.server().port("listen"));
    }

    private static void write(Socket socket, String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(ISO_8859_1));
    }

    private static void drip(Socket socket) {
        try {
            write(socket, "x");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String readHead(Socket socket) throws IOException {
        StringBuilder head = new StringBuilder();
        while (head.indexOf("\r\n\r\n") < 0) {
            int next = socket.getInputStream().read();
            assertThat(next).as("what comes after %s", head).isNotNegative();
            head.append((char) next);
        }
        return head.toString();
    }

    /** All that comes until the end, which may be a reset where it has not read all. */
    private static String readAll(Socket socket) throws IOException {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        try {
            socket.getInputStream().transferTo(all);
        } catch (SocketException e) {
            assertThat(e).hasMessageContaining("reset");
        }
        return all.toString(ISO_8859_1);
    }

    private static Socket upgraded() throws IOException {
        return upgraded(tunnel.server());
    }

    private static Socket upgraded(AgentProcess server) throws IOException {
        Socket socket = Tunnel.connectTo(server.port("listen"));
        write(socket, REQUEST);
        assertThat(readHead(socket))
                .startsWith("HTTP/1.1 101 Switching Protocols\r\n")
                .contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") // of the key above, by RFC 6455
                .doesNotContain("extensions", "protocol");
        return socket;
    }

    // ---- requests

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "GET /tunnel HTTP       | GET /other HTTP",
                "GET /tunnel HTTP       | GET /tunnels HTTP",
                "GET /tunnel HTTP       | POST /tunnel HTTP",
                "Upgrade: websocket     | Upgrade: h2c",
                "keep-alive, Upgrade    | close",
                "Version: 13            | Version: 12",
                "Sec-WebSocket-Key      | X-Key",
                "Host: any              | Content-Length: 5",
                "Host: any              | Transfer-Encoding: chunked",
                "Host: any              | Origin: http://a.b",
                "HTTP/1.1               | HTTP/x",
            })
    void whatIsNotForTheTunnelGetsAPlain404(String part, String other) throws IOException {
        try (Socket socket = connect()) {
            String body = other.startsWith("Content") ? "12345" : other.startsWith("Transfer") ? "0\r\n\r\n" : "";
            write(socket, REQUEST.replace(part, other) + body);

            assertThat(readAll(socket)).startsWith("HTTP/1.1 404 Not Found\r\n").endsWith("\r\n\r\nnot found\n");
        }
    }

    @Test
    void aQueryDoesNotMatter() throws IOException {
        try (Socket socket = connect()) {
            write(socket, REQUEST.replace("/tunnel ", "/tunnel?by=nginx "));
            assertThat(readHead(socket)).startsWith("HTTP/1.1 101 ");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {9_000, 1_000_000})
    void aHeadHasABound(int length) throws IOException {
        try (AgentProcess patient = patient().startServer(0)) {
            for (String head :
                    new String[] {"GET /" + "x".repeat(length), REQUEST.strip() + "\r\nX: " + "x".repeat(length)}) {
                try (Socket socket = Tunnel.connectTo(patient.port("listen"))) {
                    try {
                        write(socket, head);
                    } catch (SocketException e) {
                        // it has heard enough
                    }
                    assertThat(readAll(socket)).matches("(?s)|HTTP/1.1 404 .*"); // nothing where it is reset
                }
            }
        }
    }

    @ParameterizedTest
    @Tag("long")
    @ValueSource(strings = {"", "G", "GET /tunnel HTTP/1.1\r\nHost: a\r\n"})
    void whoIsSlowIsGivenUpAtTheDeadline(String said) throws Exception {
        ScheduledExecutorService loris = Executors.newSingleThreadScheduledExecutor();
        long begun = System.nanoTime();
        try (Socket socket = connect()) {
            write(socket, said);
            if (!said.isEmpty()) { // and goes on like that, a byte at a time; its first failure is its end
                loris.scheduleAtFixedRate(() -> drip(socket), 100, 100, TimeUnit.MILLISECONDS);
            }

            assertThat(readAll(socket)).isEmpty();
            assertThat(System.nanoTime() - begun).isGreaterThan(900_000_000L);
        } finally {
            loris.shutdownNow();
        }
    }

    @Test
    @Tag("long")
    void noiseIsAnsweredOrClosed() throws IOException {
        System.out.println("EntranceTest: seed " + SEED);
        Random random = new Random(SEED);
        for (int i = 0; i < 300; i++) {
            try (Socket socket = connect()) {
                byte[] noise = new byte[1 + random.nextInt(3_000)];
                random.nextBytes(noise);
                if (i % 3 > 0) {
                    noise[0] = (byte) ('A' + random.nextInt(26));
                }
                if (i % 3 == 2) { // a request with some of it overwritten
                    byte[] request = REQUEST.getBytes(ISO_8859_1);
                    for (int n = 0; n < 1 + i / 30; n++) {
                        request[1 + random.nextInt(request.length - 1)] = (byte) random.nextInt(256);
                    }
                    noise = request;
                }
                socket.getOutputStream().write(noise);
                socket.shutdownOutput();
                assertThat(readAll(socket))
                        .matches("(?s)|HTTP/1.1 404 .*|HTTP/1.1 101 .*|.{1,20}"); // the last is an alert of TLS
            } catch (SocketException e) {
                // it was faster
            }
        }
    }

    // ---- frames

    @ParameterizedTest
    @ValueSource(
            strings = {
                "82 01 00", // not masked
                "81 81 00 00 00 00 78", // text
                "82 ff 00 00 00 00 00 02 00 01", // more than MAX_FRAME
                "82 ff ff ff ff ff ff ff ff ff", // a negative length
                "c2 81 00 00 00 00 00", // a bit of an extension
                "80 81 00 00 00 00 00", // goes on with nothing
                "89 fe 00 7e 00 00 00 00", // a long ping
                "83 80 00 00 00 00", // of no known kind
            })
    void aFrameThatMayNotBeEndsTheConnection(String hex) throws IOException {
        try (Socket socket = upgraded()) {
            socket.getOutputStream().write(HexFormat.ofDelimiter(" ").parseHex(hex));

            assertThat(readAll(socket)).startsWith("\u0088"); // a close frame
        }
    }

    @Test
    @Tag("long")
    void bytesThatComeWithTheRequestAreNoFrames() throws IOException {
        try (Socket socket = connect()) {
            write(socket, REQUEST + "\u0016\u0003\u0001");
            assertThat(readAll(socket)).startsWith("HTTP/1.1 101 ");
        }
    }

    @Test
    @Tag("long")
    @InAMinute
    void whoFloodsWithPingsAndDoesNotReadHasOneAnswerWaitingAtMost() throws Exception {
        try (AgentProcess patient = patient()
                        .onServer(AgentProcess.Builder::withoutLeakDetection) // of very many buffers
                        .startServer(0);
                Socket socket = upgraded(patient)) {
            long before = patient.bufferBytes();
            byte[] pings = new byte[1000 * (6 + 125)];
            for (int i = 0; i < pings.length; i += 6 + 125) {
                pings[i] = (byte) 0x89;
                pings[i + 1] = (byte) (0x80 | 125);
            }
            for (int i = 0; i < 200; i++) { // 26 MB, and as much in answers
                socket.getOutputStream().write(pings);
            }
            assertThat(patient.bufferBytes()).isLessThan(before + (16 << 20));
        }
    }

    @Test
    void aPingIsAnsweredAndACloseIsTheEnd() throws IOException {
        try (Socket socket = upgraded()) {
            socket.getOutputStream().write(new byte[] {(byte) 0x89, (byte) 0x81, 0, 0, 0, 0, 'x'});
            assertThat(socket.getInputStream().readNBytes(3)).containsExactly(0x8a, 1, 'x');
            socket.getOutputStream().write(new byte[] {(byte) 0x88, (byte) 0x80, 0, 0, 0, 0});
            assertThat(readAll(socket)).startsWith("\u0088\u0005\u0003\u00e8"); // 1000
        }
    }

    // ---- who it is

    @Test
    void theLastAddressThatATrustedProxyNamesCounts() throws IOException {
        String forwarded = REQUEST.replace("Host: any", "X-Forwarded-For: 198.51.100.1, 203.0.113.7");
        try (AgentProcess server = Tunnel.to(ECHO)
                .server("websocket { path = \"/tunnel\", trusted-proxies = [\"127.0.0.1\"] }")
                .startServer(0)) {
            try (Socket socket = Tunnel.connectTo(server.port("listen"))) {
                write(socket, forwarded);
                readHead(socket);
            }
            server.awaitLog(
                    "refused 203\\.0\\.113\\.7:0: the peer closed the connection (before|during) the TLS handshake");
            try (Socket socket = Tunnel.connectTo(server.port("listen"))) {
                write(socket, "GET / HTTP/1.1\r\n\r\n");
                readAll(socket);
                server.awaitRefusal(socket, "a request of HTTP for another path than websocket\\.path$");
            }
        }
    }
}
