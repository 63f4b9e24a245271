package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who gets in and what is dialled: the attacks of docs/security.md, performed on a tunnel that works. */
final class TrustTest {
    private static final Service ECHO = Service.echo();
    private static final long SEED = 20261122;

    private @Nullable Tunnel opened;

    @TempDir
    private Path directory = Path.of("");

    @AfterEach
    void close() {
        if (opened != null) {
            opened.close();
        }
    }

    /** A new one for each test that needs it: what the log says of strangers is limited. */
    private Tunnel tunnel() {
        if (opened == null) {
            opened = Tunnel.to(ECHO).open();
        }
        return opened;
    }

    @AfterAll
    static void closeEcho() throws IOException {
        ECHO.close();
    }

    private int serverPort() {
        return tunnel().server().port("listen");
    }

    private void echoes() throws IOException {
        Tunnel.echoes(tunnel().client());
    }

    /** A TLS client of another make, which has no key and trusts everybody. */
    private SSLSocket stranger(String version) throws Exception {
        return JdkTls.showing().connect(serverPort(), version);
    }

    @Test
    void whoKnowEachOtherWork() throws Exception {
        echoes();
        tunnel().server().awaitLog("session from tests@127.0.0.1:.* up, culvert");
    }

    @Test
    void whoHasNoCertificateGetsNothing() throws Exception {
        try (SSLSocket socket = stranger("TLSv1.3")) {
            assertThatThrownBy(() -> {
                        socket.startHandshake(); // a TLS 1.3 client is done before the server has looked
                        socket.getInputStream().read();
                    })
                    .isInstanceOf(IOException.class);
            tunnel().server().awaitRefusal(socket, "the peer has shown no certificate$");
        }
    }

    @Test
    void whoSpeaksTls12GetsNothing() throws Exception {
        try (SSLSocket socket = stranger("TLSv1.2")) {
            assertThatThrownBy(socket::startHandshake).isInstanceOf(SSLException.class);
            tunnel().server().awaitRefusal(socket, "the peer does not speak TLS 1\\.3$");
        }
    }

    @Test
    void whoHasAnotherKeyIsToldWhichAndWhatToDo() throws Exception {
        Keys other = Keys.make("tunnel-client", directory.resolve("other.key"));
        try (AgentProcess client = AgentProcess.client()
                .config("""
                        upstream { servers = ["127.0.0.1:%d"], tls { key-file = "%s", server-key = "%s" } }
                        forwards { web { listen = "127.0.0.1:0", target = "%s" } }
                        """.formatted(serverPort(), other.file(), Keys.SERVER.fingerprint(), ECHO.address()))
                .start()) {
            client.awaitLog("no session with 127\\.0\\.0\\.1:\\d+: .*the peer does not accept our key "
                    + Pattern.quote(other.fingerprint()) + "; list it there");
            tunnel().server()
                    .awaitLog("refused 127.0.0.1:\\d+: its key " + Pattern.quote(other.fingerprint())
                            + " is none of those under clients; list it there to let it in");
        }
    }

    @Test
    void whereOnlyTheClientSpeaksTlsBothSaySo() {
        try (AgentProcess server = Tunnel.to(ECHO).plain().startServer(0);
                AgentProcess client = Tunnel.to(ECHO).startClient(server.port("listen"))) {
            client.awaitLog("the peer closed the connection during the TLS handshake; .* it may have tls = off");
            server.awaitLog("0x16, which is no smux; .*; the client speaks TLS, which is off here: remove tls = off");
        }
    }

    @Tag("long")
    @Test
    void aServerWithAnotherKeyIsLeftAndBothKeysAreNamed() throws Exception {
        Keys other = Keys.make("tunnel-server", directory.resolve("other.key"));
        try (AgentProcess client = AgentProcess.client()
                .config("""
                        upstream { servers = ["127.0.0.1:%d"], tls { key-file = "%s", server-key = "%s" } }
                        forwards { web { listen = "127.0.0.1:0", target = "%s" } }
                        """.formatted(serverPort(), Keys.CLIENT.file(), other.fingerprint(), ECHO.address()))
                .start()) {
            String said = client.awaitLog("no session with 127\\.0\\.0\\.1:\\d+: (.*)")
                    .group(1);
            assertThat(said)
                    .startsWith("the server's key is " + Keys.SERVER.fingerprint() + ", expected " + other.fingerprint()
                            + ". If the server has a new key");
        }
    }

    @Test
    void whoSpeaksAnythingElseGetsNoWord() throws Exception {
        byte[] noise = new byte[4096];
        new Random(SEED).nextBytes(noise);
        for (byte[] words : List.of(Bytes.ascii("GET / HTTP/1.0\r\n\r\n"), Bytes.ascii("SSH-2.0-x\r\n"), noise)) {
            try (Socket socket = Tunnel.connectTo(serverPort())) {
                socket.getOutputStream().write(words);
                assertThat(answer(socket)).hasSizeLessThan(16); // a TLS alert at most
                tunnel().server().awaitRefusal(socket, "the peer does not speak TLS$");
            }
        }
    }

    private static byte[] answer(Socket socket) throws IOException {
        ByteArrayOutputStream answer = new ByteArrayOutputStream();
        try {
            socket.getInputStream().transferTo(answer);
        } catch (SocketException e) {
            assertThat(e).hasMessageContaining("reset");
        }
        return answer.toByteArray();
    }

    /** Everything that a client has sent in a session that worked. */
    private byte[] recordedSession() throws Exception {
        try (Wiretap wiretap = new Wiretap(serverPort());
                AgentProcess client = Tunnel.to(ECHO).startClient(wiretap.port())) {
            client.awaitLog("session up");
            Tunnel.echoes(client);
            client.terminate();
            assertThat(client.awaitExit()).isZero();
            return wiretap.awaitAllFromClient();
        }
    }

    @Test
    void whoIsOnTheWayReadsNothingAndCanChangeNothing() throws Exception {
        byte[] secret = Bytes.ascii("nobody on the way reads this");
        try (Wiretap wiretap = new Wiretap(serverPort());
                AgentProcess client =
                        Tunnel.to(ECHO).client("resume.window = 0s").startClient(wiretap.port())) {
            client.awaitLog("session up");
            try (Socket socket = Tunnel.connect(client, "web")) {
                socket.getOutputStream().write(secret);
                assertThat(Service.readFully(socket.getInputStream(), secret.length))
                        .isEqualTo(secret);
                for (byte[] seen : wiretap.seen()) {
                    assertThat(seen.length).isGreaterThan(secret.length);
                    assertThat(new String(seen, StandardCharsets.ISO_8859_1))
                            .doesNotContain(new String(secret, StandardCharsets.ISO_8859_1));
                }

                wiretap.changeWhatTheServerSends();
                socket.getOutputStream().write(secret);
                assertThatThrownBy(() -> socket.getInputStream().read()).isInstanceOf(SocketException.class);
            }
            client.awaitLog("session to .* ended: ");
            tunnel().server().awaitLog("session from tests@.* ended: .*(?i:bad.record.mac)");
        }
    }

    @Test
    @Tag("long")
    void aRecordedSessionThatIsPlayedAgainOrCutOffGetsNowhere() throws Exception {
        byte[] recorded = recordedSession();
        int sessions =
                tunnel().server().log().matching("session from tests@.* up").size();

        try (Socket socket = Tunnel.connectTo(serverPort())) {
            socket.getOutputStream().write(recorded);
            answer(socket);
            tunnel().server().awaitRefusal(socket, "TLS failed: ");
        }
        for (int part : new int[] {1, 5, 40, recorded.length / 2}) {
            try (Socket socket = Tunnel.connectTo(serverPort())) {
                socket.getOutputStream().write(recorded, 0, part);
                socket.shutdownOutput();
                answer(socket);
            }
        }
        echoes();
        assertThat(tunnel().server().log().matching("session from tests@.* up")).hasSize(sessions);
    }

    @Test
    @Tag("long")
    void twoThousandWhoSayNothingKeepNobodyOut() throws Exception {
        List<Socket> silent = new ArrayList<>();
        try {
            for (int i = 0; i < 2_000; i++) {
                silent.add(Tunnel.connectTo(serverPort()));
            }
            tunnel().server().awaitLog("refused .*: it made room for another one");
            echoes();
            try (AgentProcess another = Tunnel.to(ECHO).startClient(serverPort())) {
                another.awaitLog("session up");
                Tunnel.echoes(another);
            }
            // Of those who wait the server has no more than its limit.
            await().atMost(AgentProcess.PATIENCE).until(() -> tunnel().server().descriptors() < 500 + 100);
        } finally {
            for (Socket socket : silent) {
                socket.close();
            }
        }
    }

    /** BoringSSL writes them no sooner than its first data, so the client has to say something that is answered. */
    @Test
    void thereAreNoSessionTickets() throws Exception {
        OpenSsl.require("the absence of session tickets");
        String key = Keys.CLIENT.file().toString();
        Path words = directory.resolve("words");
        for (int i = 0; i < 2; i++) { // the first is answered, the second ends the session
            byte[] hello = RawPeer.frame(RawPeer.HELLO, 0);
            Files.write(words, hello, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        }
        Programs.Result result = OpenSsl.connect(serverPort(), words, "-cert", key, "-key", key, "-msg", "-ign_eof");

        assertThat(result.output())
                .contains("New, TLSv1.3", "TLS 1.3, Handshake [length", "a second HELLO")
                .doesNotContain("NewSessionTicket", "New Session Ticket");
    }

    /** As far as openssl still speaks them. */
    @Test
    @Tag("long")
    void whoSpeaksAnOlderVersionIsToldOfTheVersionAndShownNothing() {
        OpenSsl.require("what older versions of TLS get");
        List<String> versions = List.of("-tls1_2", "-tls1_1", "-tls1");
        for (int i = 0; i < versions.size(); i++) {
            // Without that level it would not say a word of TLS 1.0 and 1.1.
            Programs.Result result = OpenSsl.connect(
                    serverPort(), Path.of("/dev/null"), versions.get(i), "-cipher", "DEFAULT@SECLEVEL=0");

            assertThat(result.output())
                    .as(versions.get(i))
                    .contains("alert protocol version", "no peer certificate available");
            tunnel().server().awaitLog("refused 127\\.0\\.0\\.1:\\d+: the peer does not speak TLS 1\\.3", i + 1);
        }
    }

    @Test
    void noKeyIsEverInALog() throws Exception {
        try (Tunnel talkative =
                Tunnel.to(ECHO).each(AgentProcess.Builder::verbose).open()) {
            Tunnel.echoes(talkative.client());
            for (AgentProcess agent : talkative.agents()) {
                agent.signal("USR1");
                agent.awaitLog("state: ");
                agent.signal("HUP");
                agent.awaitLog("reloaded ");
            }
            for (Keys keys : List.of(Keys.SERVER, Keys.CLIENT)) {
                List<String> secret = Files.readAllLines(keys.file()).stream()
                        .dropWhile(line -> !line.contains("BEGIN PRIVATE KEY"))
                        .takeWhile(line -> !line.contains("END PRIVATE KEY"))
                        .toList();
                assertThat(secret).hasSizeGreaterThan(2);
                for (AgentProcess agent : talkative.agents()) {
                    assertThat(agent.log().toString()).doesNotContain(secret);
                }
            }
        }
    }

    /** None of these is what the rules allow, and all of them are this machine or a cloud's keeper of credentials. */
    private static List<String> disguises(int port) {
        return Stream.of(
                        "127.0.0.1",
                        "127.9.9.9",
                        "localhost",
                        "LocalHost",
                        "localhost.",
                        "[::1]",
                        "[::ffff:127.0.0.1]",
                        "[::ffff:7f00:1]",
                        "0.0.0.0",
                        "[::]",
                        "db.localhost",
                        "www.DB.localhost.",
                        "127.1",
                        "2130706433",
                        "0x7f000001",
                        "0177.0.0.1",
                        "169.254.169.254",
                        "[::ffff:169.254.169.254]",
                        "[fd00:ec2::254]",
                        "[fe80::1]")
                .map(host -> host + ":" + port)
                .toList();
    }

    @Test
    void forbiddenTargetsAreRefusedInEveryDisguise() throws Exception {
        try (Service echo = Service.echo()) {
            int port = echo.port();
            List<String> disguises = disguises(port);
            Tunnel.Builder builder = Tunnel.builder()
                    .allow("*:" + port)
                    .allow("db.localhost:" + port)
                    .allow("*.localhost:" + port)
                    .server("dial.timeout = 5s");
            for (int i = 0; i < disguises.size(); i++) {
                builder.forward("d" + i, disguises.get(i));
            }
            try (Tunnel disguised = builder.open()) {
                for (int i = 0; i < disguises.size(); i++) {
                    assertThat(Tunnel.awaitReset(disguised.client(), "d" + i).reason())
                            .as(disguises.get(i))
                            .matches("reset: (forbidden|name not found): .*");
                }
            }
            echo.hasSeenNobody();
        }
    }

    @Test
    @Tag("long")
    void noDatagramReachesAForbiddenTargetInAnyDisguise() throws Exception {
        try (UdpEcho echo = new UdpEcho()) {
            int port = echo.port();
            List<String> disguises = disguises(port);
            Tunnel.Builder builder = Tunnel.builder()
                    .allow("udp:*:" + port)
                    .allow("udp:db.localhost:" + port)
                    .allow("udp:*.localhost:" + port)
                    .server("dial.timeout = 5s");
            for (int i = 0; i < disguises.size(); i++) {
                builder.udp("d" + i, disguises.get(i), "");
            }
            try (Tunnel disguised = builder.open()) {
                List<Integer> senders = new ArrayList<>();
                for (int i = 0; i < disguises.size(); i++) {
                    senders.add(sendDatagram(disguised.client().port("forwards.d" + i)));
                }
                for (int i = 0; i < disguises.size(); i++) {
                    assertThat(disguised
                                    .client()
                                    .awaitEnding("d" + i, senders.get(i))
                                    .reason())
                            .as(disguises.get(i))
                            .matches("reset: (forbidden|name not found): .*");
                }
            }
            assertThat(echo.received()).isZero();
        }
    }

    /** From a port of its own, which it returns. */
    private static int sendDatagram(int port) throws IOException {
        try (DatagramSocket socket = new DatagramSocket()) {
            socket.send(new DatagramPacket(new byte[] {'x'}, 1, InetAddress.getLoopbackAddress(), port));
            return socket.getLocalPort();
        }
    }

    @Test
    void aNameThatLeadsToThisMachineIsDialledWhereARuleHasTheAddress() throws Exception {
        try (Tunnel named = Tunnel.builder()
                .forward("web", "db.localhost:" + ECHO.port())
                .allow(ECHO.address())
                .open()) {
            Tunnel.echoes(named.client());
        }
    }
}
