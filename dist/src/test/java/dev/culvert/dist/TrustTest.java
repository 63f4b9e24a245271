package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who gets in and what is dialled: the attacks of docs/security.md, performed on a tunnel that works. */
final class TrustTest {
    private static final Service ECHO = Service.echo();
    private static final long SEED = 20261122;

    /** A new one each time: what the log says of strangers is limited. */
    private final Tunnel tunnel = Tunnel.to(ECHO).open();

    @TempDir
    private Path directory = Path.of("");

    @AfterEach
    void close() {
        tunnel.close();
    }

    @AfterAll
    static void closeEcho() throws IOException {
        ECHO.close();
    }

    private int serverPort() {
        return tunnel.server().port("listen");
    }

    /** What the server says of a stranger that came from this port. */
    private String refusal(int port) {
        return tunnel.server()
                .awaitLog("WARN .*listen: refused 127\\.0\\.0\\.1:" + port + ": (.*)")
                .group(1);
    }

    private void echoes() throws IOException {
        try (Socket socket = tunnel.connect()) {
            socket.getOutputStream().write('x');
            assertThat(socket.getInputStream().read()).isEqualTo('x');
        }
    }

    /** A TLS client of another make, which has no key and trusts everybody. */
    private SSLSocket stranger(String version) throws Exception {
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, new TrustManager[] {new TrustsEverybody()}, new SecureRandom());
        SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket();
        Tunnel.connect(socket, serverPort());
        socket.setEnabledProtocols(new String[] {version});
        return socket;
    }

    private static final class TrustsEverybody implements X509TrustManager {
        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) {}

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }

    @Test
    void whoKnowEachOtherWork() throws Exception {
        echoes();
        assertThat(tunnel.server().log().matching("session from tests@127.0.0.1:.* up, culvert"))
                .hasSize(1);
    }

    @Test
    void whoHasNoCertificateGetsNothing() throws Exception {
        try (SSLSocket socket = stranger("TLSv1.3")) {
            assertThatThrownBy(() -> {
                        socket.startHandshake(); // a TLS 1.3 client is done before the server has looked
                        socket.getInputStream().read();
                    })
                    .isInstanceOf(IOException.class);
            assertThat(refusal(socket.getLocalPort())).isEqualTo("the peer has shown no certificate");
        }
    }

    @Test
    void whoSpeaksTls12GetsNothing() throws Exception {
        try (SSLSocket socket = stranger("TLSv1.2")) {
            assertThatThrownBy(socket::startHandshake).isInstanceOf(SSLException.class);
            assertThat(refusal(socket.getLocalPort())).isEqualTo("the peer does not speak TLS 1.3");
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
            tunnel.server()
                    .awaitLog("refused 127.0.0.1:\\d+: its key " + Pattern.quote(other.fingerprint())
                            + " is none of those under clients; list it there to let it in");
        }
    }

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
                assertThat(refusal(socket.getLocalPort())).isEqualTo("the peer does not speak TLS");
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
        ByteArrayOutputStream sent = new ByteArrayOutputStream();
        try (ServerSocket listening = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                AgentProcess client = Tunnel.to(ECHO).startClient(listening.getLocalPort());
                Socket near = listening.accept();
                Socket far = Tunnel.connectTo(serverPort())) {
            Thread back = new Thread(() -> copy(far, near, new ByteArrayOutputStream()));
            Thread forth = new Thread(() -> copy(near, far, sent));
            back.start();
            forth.start();
            client.awaitLog("session up");
            try (Socket socket = Tunnel.connect(client, "web")) {
                socket.getOutputStream().write('x');
                assertThat(socket.getInputStream().read()).isEqualTo('x');
            }
            client.terminate();
            assertThat(client.awaitExit()).isZero();
            forth.join(AgentProcess.PATIENCE.toMillis());
            back.join(AgentProcess.PATIENCE.toMillis());
        }
        return sent.toByteArray();
    }

    private static void copy(Socket from, Socket to, ByteArrayOutputStream record) {
        byte[] block = new byte[4096];
        try {
            InputStream in = from.getInputStream();
            for (int n = in.read(block); n >= 0; n = in.read(block)) {
                record.write(block, 0, n);
                to.getOutputStream().write(block, 0, n);
            }
            to.shutdownOutput();
        } catch (IOException e) {
            // The session has ended in one way or another: what was recorded counts.
        }
    }

    @Test
    void aRecordedSessionThatIsPlayedAgainOrCutOffGetsNowhere() throws Exception {
        byte[] recorded = recordedSession();
        int sessions =
                tunnel.server().log().matching("session from tests@.* up").size();

        try (Socket socket = Tunnel.connectTo(serverPort())) {
            socket.getOutputStream().write(recorded);
            answer(socket);
            assertThat(refusal(socket.getLocalPort())).startsWith("TLS failed: ");
        }
        for (int part : new int[] {1, 5, 40, recorded.length / 2}) {
            try (Socket socket = Tunnel.connectTo(serverPort())) {
                socket.getOutputStream().write(recorded, 0, part);
                socket.shutdownOutput();
                answer(socket);
            }
        }
        echoes();
        assertThat(tunnel.server().log().matching("session from tests@.* up")).hasSize(sessions);
    }

    @Test
    void twoThousandWhoSayNothingKeepNobodyOut() throws Exception {
        List<Socket> silent = new ArrayList<>();
        try {
            for (int i = 0; i < 2_000; i++) {
                silent.add(Tunnel.connectTo(serverPort()));
            }
            tunnel.server().awaitLog("refused .*: it made room for another one");
            echoes();
            try (AgentProcess another = Tunnel.to(ECHO).startClient(serverPort())) {
                another.awaitLog("session up");
                try (Socket socket = Tunnel.connect(another, "web")) {
                    socket.getOutputStream().write('x');
                    assertThat(socket.getInputStream().read()).isEqualTo('x');
                }
            }
            // Of those who wait the server has no more than its limit.
            await().atMost(AgentProcess.PATIENCE).until(() -> tunnel.server().descriptors() < 500 + 100);
        } finally {
            for (Socket socket : silent) {
                socket.close();
            }
        }
    }

    @Test
    void thereAreNoSessionTickets() {
        boolean there = Files.isExecutable(Path.of("/usr/bin/openssl"));
        if (!there) {
            System.out.println("TrustTest: no openssl here, the absence of session tickets is not verified");
        }
        assumeTrue(there, "no openssl");
        String key = Keys.CLIENT.file().toString();
        Programs.Result result = Programs.run(
                "sh",
                "-c",
                "sleep 1 | openssl s_client -connect 127.0.0.1:" + serverPort() + " -cert " + key + " -key " + key
                        + " -msg 2>&1");

        assertThat(result.output())
                .contains("New, TLSv1.3", "TLS 1.3, Handshake [length")
                .doesNotContain("NewSessionTicket", "New Session Ticket");
    }

    /** None of these is what {@code *:PORT} allows, and all of them are this machine or a cloud's keeper of credentials. */
    @Test
    void forbiddenTargetsAreRefusedInEveryDisguise() throws Exception {
        int port = ECHO.port();
        List<String> disguises = List.of(
                "127.0.0.1:" + port,
                "127.9.9.9:" + port,
                "localhost:" + port,
                "LocalHost:" + port,
                "localhost.:" + port,
                "[::1]:" + port,
                "[::ffff:127.0.0.1]:" + port,
                "[::ffff:7f00:1]:" + port,
                "0.0.0.0:" + port,
                "[::]:" + port,
                "127.1:" + port,
                "2130706433:" + port,
                "0x7f000001:" + port,
                "0177.0.0.1:" + port,
                "169.254.169.254:" + port,
                "[::ffff:169.254.169.254]:" + port,
                "[fd00:ec2::254]:" + port,
                "[fe80::1]:" + port);
        Tunnel.Builder builder = Tunnel.builder().allow("*:" + port).server("dial.timeout = 5s");
        for (int i = 0; i < disguises.size(); i++) {
            builder.forward("d" + i, disguises.get(i));
        }
        int before = ECHO.connections();
        try (Tunnel disguised = builder.open()) {
            for (int i = 0; i < disguises.size(); i++) {
                try (Socket socket = disguised.connect("d" + i)) {
                    socket.getOutputStream().write('x');
                    assertThatThrownBy(() -> socket.getInputStream().read())
                            .as(disguises.get(i))
                            .isInstanceOf(SocketException.class)
                            .hasMessageContaining("reset");
                    assertThat(disguised.client().awaitEnding(socket).reason())
                            .as(disguises.get(i))
                            .matches("reset: (forbidden|name not found): .*");
                }
            }
        }
        assertThat(ECHO.connections()).isEqualTo(before);
    }
}
