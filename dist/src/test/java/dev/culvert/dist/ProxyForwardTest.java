package dev.culvert.dist;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Forwards where each connection says where it goes. */
class ProxyForwardTest {
    private static final String SUCCESS = "05000001000000000000";

    @TempDir
    Path directory;

    private static final Service ECHO = Service.echo();
    private static Tunnel shared;

    @BeforeAll
    static void open() {
        shared = proxies().open();
    }

    @AfterAll
    static void close() throws IOException {
        shared.close();
        ECHO.close();
    }

    private static Tunnel.Builder proxies() {
        return Tunnel.builder()
                .allow(ECHO.address())
                .allow("localhost:" + ECHO.port())
                .allow("127.0.0.1:1")
                .allow("*:2")
                .client("forwards.socks { listen = \"127.0.0.1:0\", protocol = socks5 }")
                .client("forwards.connect { listen = \"127.0.0.1:0\", protocol = http-connect }");
    }

    @Test
    void socksGoesWhereItIsAskedTo() throws Exception {
        try (Socket socket = shared.connect("socks")) {
            send(socket, "050100");
            assertThat(receive(socket, 2)).isEqualTo("0500");
            send(socket, "05010001" + "7f000001" + port(ECHO.port()));
            assertThat(receive(socket, 10)).isEqualTo(SUCCESS);
            echoesToTheEnd(socket);
            assertThat(shared.client().awaitEnding("socks", socket).target()).isEqualTo(ECHO.address());
        }
    }

    @Test
    void aNameIsResolvedAtTheServer() throws Exception {
        try (Socket socket = shared.connect("socks")) {
            // All of it at once, with the first bytes for the target.
            send(socket, "050100" + "05010003" + "09" + hex("localhost") + port(ECHO.port()) + hex("early"));

            assertThat(receive(socket, 12)).isEqualTo("0500" + SUCCESS);
            assertThat(receive(socket, 5)).isEqualTo(hex("early"));
            echoesToTheEnd(socket);
            assertThat(shared.server().awaitLog("target=localhost:" + ECHO.port() + " .*end: closed"))
                    .isNotNull();
        }
    }

    @Test
    void whatIsSaidInPiecesIsUnderstood() throws Exception {
        try (Socket socket = shared.connect("socks")) {
            String port = port(ECHO.port());
            for (String piece : List.of(
                    "05", "01", "00", "0501", "00", "01", "7f", "000001", port.substring(0, 2), port.substring(2))) {
                send(socket, piece);
            }
            assertThat(receive(socket, 12)).isEqualTo("0500" + SUCCESS);
            echoesToTheEnd(socket);
        }
    }

    @Test
    void theCodesOfSocksAreThoseOfTheDial() throws Exception {
        assertThat(answer(shared, "05010001" + "7f000001" + port(1))).startsWith("0505"); // refused
        assertThat(answer(shared, "05010001" + "7f000001" + port(3))).startsWith("0502"); // not allowed
        assertThat(answer(shared, "05010003" + "0c" + hex("no.such.test") + port(2)))
                .startsWith("0504");
        assertThat(answer(shared, "05020001" + "7f000001" + port(2))).startsWith("0507"); // BIND
        assertThat(answer(shared, "05010001" + "7f000001" + port(0))).startsWith("0504");
    }

    @Test
    void aHostThatIsNoneIsNotTakenForAnother() throws Exception {
        String umlaut = HexFormat.of().formatHex("b\u00fccher.test".getBytes(UTF_8));
        assertThat(answer(shared, "05010003" + "0c" + umlaut + port(2))).startsWith("0504");
        shared.client().awaitLog("turned away: it asks for what is no host: a host is ASCII");
        assertThat(answer(shared, "05010003" + "45" + hex("a".repeat(64) + ".test") + port(2)))
                .startsWith("0504");
        try (Socket socket = shared.connect("socks")) {
            send(socket, "0500");
            assertThat(receive(socket, 2)).isEqualTo("05ff");
        }
    }

    /** What a request leads to that comes to nothing: an answer, and then the end. */
    private static String answer(Tunnel tunnel, String request) throws IOException {
        try (Socket socket = tunnel.connect("socks")) {
            send(socket, "050100" + request);
            return HexFormat.of()
                    .formatHex(socket.getInputStream().readAllBytes())
                    .substring(4);
        }
    }

    @Test
    void whoSaysSomethingElseIsTurnedAway() throws Exception {
        try (Socket four = shared.connect("socks");
                Socket http = shared.connect("socks");
                Socket silent = shared.connect("socks")) {
            send(four, "0401" + port(80) + "7f00000100");
            assertThat(four.getInputStream().read()).isEqualTo(-1);
            http.getOutputStream().write("GET / HTTP/1.1\r\n\r\n".getBytes(UTF_8));
            assertThat(http.getInputStream().read()).isEqualTo(-1);
            silent.shutdownOutput();
            assertThat(silent.getInputStream().read()).isEqualTo(-1);

            shared.client().awaitLog("forwards.socks: 127.0.0.1:" + http.getLocalPort() + " turned away: .*not SOCKS5");
            shared.client()
                    .awaitLog("forwards.socks: 127.0.0.1:" + silent.getLocalPort()
                            + " turned away: it has ended before it had said where it goes");
        }
    }

    @Test
    void whatIsNoHttpGetsIntoNoLog() throws Exception {
        try (Socket socket = shared.connect("connect")) {
            socket.getOutputStream().write("CONNECT a:1 s3cret\r\n\r\n".getBytes(UTF_8));
            assertThat(socket.getInputStream().readAllBytes()).asString(UTF_8).startsWith("HTTP/1.1 400 ");
            shared.client()
                    .awaitLog("forwards.connect: 127.0.0.1:" + socket.getLocalPort()
                            + " turned away: this is not HTTP, or more than it takes to ask for a connection$");
        }
    }

    @Test
    void whatIsNoTargetGetsIntoTheLogWithoutItsControlCharacters() throws Exception {
        try (Socket socket = shared.connect("connect")) {
            socket.getOutputStream().write("CONNECT \033[31mfoo\u009b HTTP/1.1\r\n\r\n".getBytes(ISO_8859_1));
            assertThat(socket.getInputStream().readAllBytes()).asString(UTF_8).startsWith("HTTP/1.1 400 ");
            shared.client()
                    .awaitLog(
                            "forwards.connect: 127.0.0.1:" + socket.getLocalPort() + " turned away: .*\\?\\[31mfoo\\?");
        }
    }

    @Test
    @Tag("long")
    void onlyWhoKnowsThePasswordOfSocksMayUseIt() throws Exception {
        Path password = Files.writeString(directory.resolve("password"), "s3cret\n");
        Files.setPosixFilePermissions(password, PosixFilePermissions.fromString("rw-------"));
        try (Tunnel tunnel = proxies()
                .client("forwards.socks { user = \"alice\", password-file = \"%s\" }".formatted(password))
                .open()) {
            try (Socket socket = tunnel.connect("socks")) {
                send(socket, "05020002" + "0105" + hex("alice") + "06" + hex("s3cret"));
                send(socket, "05010001" + "7f000001" + port(ECHO.port()));
                assertThat(receive(socket, 14)).isEqualTo("0502" + "0100" + SUCCESS);
                echoesToTheEnd(socket);
            }
            try (Socket socket = tunnel.connect("socks")) {
                send(socket, "05020002" + "0105" + hex("alice") + "06" + hex("secret"));
                assertThat(receive(socket, 4)).isEqualTo("0502" + "0101");
                assertThat(socket.getInputStream().read()).isEqualTo(-1);
            }
            try (Socket socket = tunnel.connect("socks")) {
                send(socket, "050100");
                assertThat(receive(socket, 2)).isEqualTo("05ff");
                assertThat(socket.getInputStream().read()).isEqualTo(-1);
            }
            assertThat(tunnel.client().log().toString()).doesNotContain("s3cret");
        }
    }

    @Test
    void connectGoesWhereItIsAskedTo() throws Exception {
        try (Socket socket = shared.connect("connect")) {
            write(socket, "CONNECT localhost:%d HTTP/1.1\r\nHost: localhost\r\n\r\nearly".formatted(ECHO.port()));

            assertThat(head(socket)).isEqualTo("HTTP/1.1 200 Connection established");
            assertThat(receive(socket, 5)).isEqualTo(hex("early"));
            echoesToTheEnd(socket);
        }
    }

    @Test
    void theCodesOfConnectAreThoseOfTheDial() throws Exception {
        assertThat(response(shared, "CONNECT 127.0.0.1:1 HTTP/1.1\r\n\r\n"))
                .startsWith("HTTP/1.1 502 ")
                .contains("connection refused");
        assertThat(response(shared, "CONNECT 127.0.0.1:3 HTTP/1.1\r\n\r\n"))
                .startsWith("HTTP/1.1 403 ")
                .endsWith("forbidden: no allow rule of tests covers 127.0.0.1:3\n");
        assertThat(response(shared, "CONNECT no.such.test:2 HTTP/1.1\r\n\r\n"))
                .startsWith("HTTP/1.1 502 ")
                .contains("name not found");
        assertThat(response(shared, "CONNECT nowhere HTTP/1.1\r\n\r\n"))
                .startsWith("HTTP/1.1 400 ")
                .endsWith("expected HOST:PORT, found 'nowhere'\n");
        assertThat(response(shared, "GET http://127.0.0.1/ HTTP/1.1\r\n\r\n"))
                .startsWith("HTTP/1.1 405 ")
                .contains("Allow: CONNECT\r\n");
        assertThat(response(shared, "CONNECT 127.0.0.1:1 HTTP/1.1\r\nX: " + "x".repeat(9000) + "\r\n\r\n"))
                .startsWith("HTTP/1.1 400 ");
    }

    @Test
    @Tag("long")
    void onlyWhoKnowsThePasswordOfConnectMayUseIt() throws Exception {
        try (Tunnel tunnel = proxies()
                .client("forwards.connect { user = \"alice\", password = \"s3:cret\" }")
                .open()) {
            String request = "CONNECT " + ECHO.address() + " HTTP/1.1\r\n";
            assertThat(response(tunnel, request + "\r\n"))
                    .startsWith("HTTP/1.1 407 ")
                    .contains("Proxy-Authenticate: Basic ");
            assertThat(response(tunnel, request + "Proxy-Authorization: Basic %%%\r\n\r\n"))
                    .startsWith("HTTP/1.1 407 ");
            try (Socket socket = tunnel.connect("connect")) {
                String encoded = Base64.getEncoder().encodeToString("alice:s3:cret".getBytes(UTF_8));
                write(socket, request + "Proxy-Authorization: basic " + encoded + "\r\n\r\n");
                assertThat(head(socket)).startsWith("HTTP/1.1 200 ");
                echoesToTheEnd(socket);
            }
        }
    }

    @Test
    void whileThereIsNoSessionIsSaidInTheProxysWords() throws Exception {
        try (AgentProcess client = AgentProcess.client().config("""
                upstream { servers = ["127.0.0.1:1"], tls = off, wait = 100ms }
                forwards {
                  socks { listen = "127.0.0.1:0", protocol = socks5 }
                  connect { listen = "127.0.0.1:0", protocol = http-connect }
                }
                """).start()) {
            try (Socket socket = Tunnel.connect(client, "socks")) {
                send(socket, "050100" + "05010001" + "7f000001" + port(80));
                assertThat(receive(socket, 12)).isEqualTo("0500" + "05060001000000000000");
                assertThat(socket.getInputStream().read()).isEqualTo(-1);
            }
            try (Socket socket = Tunnel.connect(client, "connect")) {
                write(socket, "CONNECT 127.0.0.1:80 HTTP/1.1\r\n\r\n");
                assertThat(new String(socket.getInputStream().readAllBytes(), UTF_8))
                        .startsWith("HTTP/1.1 504 ")
                        .endsWith("no session to a server within upstream.wait\n");
            }
        }
    }

    private static String response(Tunnel tunnel, String request) throws IOException {
        try (Socket socket = tunnel.connect("connect")) {
            write(socket, request);
            return new String(socket.getInputStream().readAllBytes(), UTF_8);
        }
    }

    /** The first line, read with all up to the empty one. */
    private static String head(Socket socket) throws IOException {
        StringBuilder head = new StringBuilder();
        InputStream in = socket.getInputStream();
        while (head.indexOf("\r\n\r\n") < 0) {
            head.append((char) new DataInputStream(in).readByte());
        }
        return head.substring(0, head.indexOf("\r\n"));
    }

    private static void echoesToTheEnd(Socket socket) throws IOException {
        write(socket, "and more");
        socket.shutdownOutput();
        assertThat(socket.getInputStream().readAllBytes()).asString(UTF_8).isEqualTo("and more");
    }

    private static void send(Socket socket, String hex) throws IOException {
        socket.getOutputStream().write(HexFormat.of().parseHex(hex));
    }

    private static void write(Socket socket, String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(UTF_8));
    }

    private static String receive(Socket socket, int bytes) throws IOException {
        return HexFormat.of().formatHex(socket.getInputStream().readNBytes(bytes));
    }

    private static String port(int port) {
        return "%04x".formatted(port);
    }

    private static String hex(String text) {
        return HexFormat.of().formatHex(text.getBytes(UTF_8));
    }
}
