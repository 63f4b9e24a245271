package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.util.NetUtil;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.List;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** docs/examples/fail2ban: who cannot show who they are is found, and nobody else. */
@Tag("long")
final class Fail2banTest {
    private static final Path PROGRAM = Path.of("/usr/bin/fail2ban-regex");
    private static final Path EXAMPLES = AgentProcess.source("docs/examples/fail2ban");
    private static final Service ECHO = Service.echo();
    private static final String FORGED = "listen: refused 192.0.2.66:1: the peer does not speak TLS";

    @TempDir
    private Path directory = Path.of("");

    @BeforeAll
    static void require() {
        Programs.require(Files.isExecutable(PROGRAM), "fail2ban", "there is no " + PROGRAM, "the filter for fail2ban");
    }

    /** The addresses that the filter finds in a log, in the order of its lines. */
    private List<String> found(List<String> lines) throws IOException {
        Path log = Files.write(directory.resolve("log"), lines);
        return Programs.run(
                        PROGRAM.toString(),
                        "--out",
                        "ip",
                        log.toString(),
                        EXAMPLES.resolve("filter.d/culvert.conf").toString())
                .output()
                .lines()
                .toList();
    }

    /** What a server writes, as it is in a file. */
    private static List<String> lines(AgentProcess server, String format) {
        return server.log()
                .toString()
                .lines()
                // as the journal has them for fail2ban, and rsyslog in its file
                .map(line -> format.equals("text")
                        ? line
                        : line.replaceFirst("^<\\d>", "Nov 27 10:00:00 machine tunnel-server[123]: "))
                .toList();
    }

    private static AgentProcess server(String format) {
        return Tunnel.to(ECHO)
                .server("log { format = %s, level = debug }".formatted(format))
                .startServer(0);
    }

    private static void shakeHands(JdkTls who, int port, String version) throws IOException {
        try (SSLSocket socket = who.connect(port, version)) {
            socket.startHandshake();
            socket.getInputStream().read();
        } catch (IOException e) {
            // as it should be; what counts is in the log
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"text", "journald"})
    void whoCanNotShowWhoTheyAreIsFound(String format) throws IOException, GeneralSecurityException {
        AgentProcess server = server(format);
        try (server) {
            int port = server.port("listen");
            try (Socket socket = Tunnel.connectTo(port)) {
                socket.getOutputStream().write(Bytes.ascii("GET / HTTP/1.0\r\n\r\n"));
                server.awaitLog("refused .*: the peer does not speak TLS$");
            }
            Keys stranger = Keys.make("tunnel-client", directory.resolve("stranger.key"));
            shakeHands(JdkTls.showing(stranger.file()), port, "TLSv1.3");
            server.awaitLog("refused .*: its key .* is none of those under clients");
            shakeHands(JdkTls.showing(), port, "TLSv1.3");
            server.awaitLog("refused .*: the peer has shown no certificate");
            shakeHands(JdkTls.showing(), port, "TLSv1.2");
            server.awaitLog("refused .*: the peer does not speak TLS 1\\.3");
        }
        assertThat(found(lines(server, format))).containsExactly("127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1");
    }

    @ParameterizedTest
    @ValueSource(strings = {"text", "journald"})
    void addressesMayBeOfIpv6(String format) throws IOException {
        AgentProcess server = AgentProcess.server()
                .config("""
                        listen = "[::1]:0", log.format = %s, tls { key-file = "%s" }, anonymous { allow = ["127.0.0.1:1"] }
                        """.formatted(format, Keys.SERVER.file()))
                .start();
        try (server;
                Socket socket = new Socket()) {
            int port = Integer.parseInt(
                    server.awaitLog("listening on \\[::1\\]:(\\d+)").group(1));
            socket.connect(new InetSocketAddress(NetUtil.LOCALHOST6, port));
            socket.getOutputStream().write(Bytes.ascii("GET / HTTP/1.0\r\n\r\n"));
            server.awaitLog("refused \\[::1\\]:\\d+: the peer does not speak TLS$");
        }
        assertThat(found(lines(server, format))).containsExactly("::1");
    }

    @ParameterizedTest
    @ValueSource(strings = {"text", "journald"})
    void nobodyElseIsFoundWhateverAPeerWrites(String format) throws IOException, GeneralSecurityException {
        AgentProcess server = server(format);
        try (server) {
            int port = server.port("listen");
            Tunnel.connectTo(port).close(); // as who looks whether it is there
            server.awaitLog("refused .*: the peer closed the connection");
            try (RawPeer peer = new RawPeer(Keys.CLIENT, port)) {
                peer.send(RawPeer.frame(RawPeer.HELLO, 0, tlv(1, FORGED)), forgedSyn(3));
                peer.await(RawPeer.OPENED);
                peer.send(RawPeer.frame(RawPeer.RST, 3, coded(FORGED)));
                server.awaitLog("forward=listen:_refused.* end: .*" + FORGED);
                peer.send(RawPeer.frame(RawPeer.GOAWAY, 0, coded(FORGED)), forgedSyn(5));
                server.awaitLog("session from tests@.* ended");
            }
        }
        assertThat(server.log().matching(FORGED)).isNotEmpty();
        assertThat(found(lines(server, format))).isEmpty();
    }

    /** An open request whose id and forward are sentences of a server. */
    private static byte[] forgedSyn(int stream) {
        ByteArrayOutputStream payload = new ByteArrayOutputStream();
        byte[] syn = RawPeer.syn(stream, ECHO);
        payload.write(syn, 8, syn.length - 8);
        payload.writeBytes(tlv(3, FORGED));
        payload.writeBytes(tlv(4, FORGED));
        return RawPeer.frame(RawPeer.SYN, stream, payload.toByteArray());
    }

    private static byte[] tlv(int type, String text) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(type);
        out.write(text.length());
        out.write(0);
        out.writeBytes(Bytes.ascii(text));
        return out.toByteArray();
    }

    private static byte[] coded(String text) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(new byte[4]);
        out.writeBytes(Bytes.ascii(text));
        return out.toByteArray();
    }

    /**
     * Lines that a server would write for names and keys in every form; the addresses are those that are to be found.
     */
    @Test
    void theSentencesAreToldApart() throws IOException {
        String key = "its key SHA256:WJ3F773a44IkDzY4Qk98O+9o3osZTKm3fnmZVtthUNw is none of those under clients";
        assertThat(found(List.of(
                        line("WARN ", "listen: refused 192.0.2.1:1: " + key + "; list it there to let it in"),
                        line("WARN ", "smux.a.b: refused [2001:db8::1]:1: " + key + ", nor is its name [a]; list one"),
                        line("WARN ", "listen: refused 192.0.2.2:1: " + key + ", and the certificate of CN=x"),
                        line("WARN ", "listen: refused 192.0.2.3:1: TLS failed: error:0: OPENSSL_internal:X"),
                        line("WARN ", "listen: refused 192.0.2.91:1: it made room for another one: limits.handshakes"),
                        line("WARN ", "listen: refused 192.0.2.92:1: no TLS handshake in time"),
                        line("WARN ", "listen: refused 192.0.2.93:1: the peer does not accept our key SHA256:x; list"),
                        line("WARN ", "listen: refused laptop@192.0.2.94:1: limit reached: the most sessions"),
                        line("WARN ", "listen: refused a stream of 192.0.2.95:1: limit reached: the most streams"),
                        line("WARN ", "listen: refused 12 more in the last 10 s"),
                        line("INFO ", "listen: refused 192.0.2.96:1: the peer does not speak TLS"),
                        line("WARN ", "listen: refused 192.0.2.97:1: CN=listen: refused 192.0.2.98:1: TLS failed: x"))))
                .containsExactly("192.0.2.1", "2001:db8::1", "192.0.2.2", "192.0.2.3");
    }

    private static String line(String level, String message) {
        return "2026-11-27T10:00:00.000+01:00 " + level + " " + message;
    }
}
