package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A server behind nginx, which ends TLS with a certificate of a CA: sessions come to it by WebSockets. */
class WebSocketTest {
    private static final int SIZE = 3_000_000;
    private static final long SEED = 11;
    private static final Service ECHO = Service.echo();

    @TempDir
    private Path directory = Path.of("");

    private CertificateAuthority authority;

    @BeforeEach
    void makeAuthority() {
        Programs.require(Nginx.PROGRAM, "WebSocketTest: that sessions come by nginx");
        authority = CertificateAuthority.make(directory.resolve("ca"));
    }

    private static Tunnel.Builder tunnel() {
        return Tunnel.to(ECHO).server("websocket { path = \"/tunnel\", trusted-proxies = [\"127.0.0.0/8\"] }");
    }

    private WebSite nginx(AgentProcess server) throws IOException {
        return nginx(server, "localhost");
    }

    private WebSite nginx(AgentProcess server, String name) throws IOException {
        return new WebSite(directory.resolve("nginx"), name, authority.issue(name), server.port("listen"));
    }

    /** What a client has instead of the server's own address. */
    private Tunnel.Builder by(String url) {
        return tunnel().client("upstream.servers = [\"%s\"], upstream.tls.web-ca-file = \"%s\""
                .formatted(url, authority.certificate()));
    }

    private static String url(WebSite nginx) {
        return "wss://localhost:" + nginx.port() + "/tunnel";
    }

    /** Both ways at once, from a pool of threads. */
    private static Future<?> transfer(AgentProcess client, long seed, ExecutorService threads) {
        return threads.submit(() -> {
            try (Socket socket = Tunnel.connect(client, "web")) {
                Future<?> sending = threads.submit(() -> {
                    try {
                        Bytes.source(seed, SIZE).transferTo(socket.getOutputStream());
                        socket.shutdownOutput();
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                });
                assertThat(Bytes.digest(socket.getInputStream())).isEqualTo(Bytes.digest(Bytes.source(seed, SIZE)));
                sending.get();
            }
            return null;
        });
    }

    private static void transfer(AgentProcess client) throws Exception {
        ExecutorService threads = Executors.newCachedThreadPool();
        try {
            List<Future<?>> transfers = new ArrayList<>();
            for (int i = 0; i < 5; i++) {
                transfers.add(transfer(client, SEED + i, threads));
            }
            for (Future<?> transfer : transfers) {
                transfer.get(60, TimeUnit.SECONDS);
            }
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    @Tag("long")
    void streamsArriveBitForBit() throws Exception {
        try (AgentProcess server = tunnel().startServer(0);
                WebSite nginx = nginx(server);
                AgentProcess client =
                        by(url(nginx)).forward("shut", "127.0.0.1:1").startClient(1)) {
            client.awaitLog("session up, server " + url(nginx) + ", culvert");
            server.awaitLog("session from tests@127\\.0\\.0\\.1:\\d+ by WebSocket up, culvert");

            transfer(client);
            Tunnel.awaitReset(client, "shut");
        }
    }

    @Test
    @Tag("long")
    void aReloadOfNginxIsNotNoticed() throws Exception {
        try (AgentProcess server = tunnel().startServer(0);
                WebSite nginx = nginx(server);
                AgentProcess client = by(url(nginx)).startClient(1);
                Socket socket = Tunnel.connect(client, "web")) {
            Tunnel.echo(socket);
            ExecutorService threads = Executors.newCachedThreadPool();
            try {
                nginx.reload();
                Future<?> transfer = transfer(client, SEED, threads);
                client.awaitLog("session to " + url(nginx) + " goes on after \\d+ ms");
                transfer.get(60, TimeUnit.SECONDS);
                Tunnel.echo(socket);
            } finally {
                threads.shutdownNow();
            }
            assertThat(client.log().matching("session up")).hasSize(1);
            assertThat(client.log().matching("end: (?!closed)")).isEmpty();
        }
    }

    @Test
    @Tag("long")
    void sessionsWithoutAWebServerGoOnBesideIt() throws Exception {
        try (AgentProcess server = tunnel().startServer(0);
                AgentProcess client = tunnel().startClient(server.port("listen"))) {
            server.awaitLog("session from tests@127\\.0\\.0\\.1:\\d+ up");
            transfer(client);
        }
    }

    @ParameterizedTest
    @Tag("long")
    @ValueSource(booleans = {true, false})
    void theServerIsReachedByAWebSocketDirectly(boolean plain) throws Exception {
        Tunnel.Builder builder = plain ? tunnel().plain() : tunnel();
        try (AgentProcess server = builder.startServer(0);
                AgentProcess client = builder.client(
                                "upstream.servers = [\"ws://127.0.0.1:" + server.port("listen") + "/tunnel\"]")
                        .startClient(1)) {
            server.awaitLog("by WebSocket up");
            transfer(client);
        }
    }

    @Test
    @Tag("long")
    void theWayMayLeadByAProxy() throws Exception {
        try (ForwardProxy proxy = new ForwardProxy("me:secret");
                AgentProcess server = tunnel().startServer(0);
                WebSite nginx = nginx(server, ForwardProxy.NAME)) {
            String url = "wss://" + ForwardProxy.NAME + ":" + nginx.port() + "/tunnel";
            try (AgentProcess client = by(url).client(
                            "upstream.proxy = \"http://me:secret@127.0.0.1:" + proxy.port() + "\"")
                    .startClient(1)) {
                client.awaitLog("session up, server " + url + " through the proxy http://127.0.0.1:" + proxy.port());
                transfer(client);
            }
        }
    }

    // ---- what goes wrong

    @Test
    @Tag("long")
    void aWrongPathIsNamed() throws Exception {
        try (AgentProcess server = tunnel().startServer(0);
                WebSite nginx = nginx(server);
                AgentProcess client =
                        by("wss://localhost:" + nginx.port() + "/other").startClient(1)) {
            client.awaitLog(
                    "cannot connect: wss://localhost:\\d+/other: the web server does not lead to the tunnel server"
                            + " \\(404 Not Found\\): the path has to be that of websocket.path in server.conf");
        }
    }

    @Test
    @Tag("long")
    void whoIsWhoIsFoundOutInsideAndAWrongKeyIsNamed() throws Exception {
        Keys other = Keys.make("tunnel-client", directory.resolve("other.key"));
        try (AgentProcess server = tunnel().startServer(0);
                WebSite nginx = nginx(server)) {
            try (AgentProcess client = by(url(nginx))
                    .client("upstream.tls.key-file = \"" + other.file() + "\"")
                    .startClient(1)) {
                client.awaitLog(
                        Pattern.quote("the peer does not accept our key " + other.fingerprint() + "; list it there"));
                server.awaitLog("listen: refused 127\\.0\\.0\\.1:\\d+: .*" + Pattern.quote(other.fingerprint()));
            }
            try (AgentProcess client = by(url(nginx))
                    .client("upstream.tls.server-key = \"" + other.fingerprint() + "\"")
                    .startClient(1)) {
                client.awaitLog("the server's key is " + Pattern.quote(Keys.SERVER.fingerprint()) + ", expected ");
            }
        }
    }

    @Test
    @Tag("long")
    void aCertificateThatIsNotTrustedIsNamed() throws Exception {
        try (AgentProcess server = tunnel().startServer(0);
                WebSite nginx = nginx(server)) {
            try (AgentProcess client = tunnel().client("upstream.servers = [\"" + url(nginx) + "\"]")
                    .startClient(1)) {
                client.awaitLog(
                        "the web server's certificate is not trusted: .*; if it is of an authority of your own, name"
                                + " that in upstream.tls.web-ca-file");
            }
            try (AgentProcess client =
                    by("wss://127.0.0.1:" + nginx.port() + "/tunnel").startClient(1)) {
                client.awaitLog("the web server's certificate is not trusted: .*127\\.0\\.0\\.1");
            }
        }
    }

    @Test
    @Tag("long")
    void aServerThatIsDownBehindNginxIsNamed() throws Exception {
        AgentProcess server = tunnel().startServer(0);
        try (WebSite nginx = nginx(server)) {
            server.close();
            try (AgentProcess client = by(url(nginx)).startClient(1)) {
                client.awaitLog("\\(502 Bad Gateway\\): it does not reach the tunnel server; start that");
            }
        }
    }

    @Test
    @Tag("long")
    void whoIsNoClientGetsAPlain404() throws Exception {
        Programs.require("/usr/bin/curl", "WebSocketTest: that curl gets 404");
        try (AgentProcess server = tunnel().startServer(0);
                WebSite nginx = nginx(server)) {
            String[] curl = {
                "/usr/bin/curl",
                "--silent",
                "--show-error",
                "--noproxy",
                "*",
                "--cacert",
                authority.certificate().toString(),
                "--write-out",
                "%{http_code}",
                "https://localhost:" + nginx.port() + "/tunnel"
            };
            assertThat(Programs.run(curl).expect(0).output()).isEqualTo("not found\n404");
            server.awaitLog("refused 127\\.0\\.0\\.1:\\d+: a request of HTTP that is not for a WebSocket");
        }
    }

    // ---- commands

    @Test
    @Tag("long")
    void checkDoctorAndEnrollKnowOfIt() throws Exception {
        try (AgentProcess server = tunnel().startServer(0);
                WebSite nginx = nginx(server)) {
            Path config = Files.writeString(
                    directory.resolve("client.conf"), by(url(nginx)).clientConfig(1));

            assertThat(run(config, "check").expect(0).output())
                    .contains(" via " + url(nginx))
                    .contains(", web servers by " + authority.certificate());
            assertThat(run(config, "doctor").output())
                    .contains("ok    connection     " + url(nginx) + " accepts, within ")
                    .contains("ok    TLS            the server's key is " + Keys.SERVER.fingerprint())
                    .contains("ok    session        up, culvert (0x82)");
            assertThat(run(config, "enroll", url(nginx)).expect(0).output())
                    .contains(url(nginx) + " shows the key " + Keys.SERVER.fingerprint());
        }
    }

    private static Programs.Result run(Path config, String... words) {
        List<String> command = new ArrayList<>(List.of("-c", config.toString()));
        command.addAll(List.of(words));
        return Programs.run(Launcher.command("tunnel-client", command.toArray(String[]::new)));
    }
}
