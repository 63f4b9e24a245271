package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who gets in changes while everything runs. */
final class ReloadTest {
    private static final Service ECHO = Service.echo();

    @TempDir
    private Path directory = Path.of("");

    private Keys server = Keys.SERVER;
    private Keys client = Keys.CLIENT;

    @BeforeEach
    void copyKeys() throws IOException {
        server = new Keys(Files.copy(Keys.SERVER.file(), directory.resolve("server.key")), Keys.SERVER.fingerprint());
        client = new Keys(Files.copy(Keys.CLIENT.file(), directory.resolve("client.key")), Keys.CLIENT.fingerprint());
    }

    @AfterAll
    static void close() throws IOException {
        ECHO.close();
    }

    /** A server that lets these keys in. */
    private String serverConfig(int port, String... keys) {
        return """
                listen = "127.0.0.1:%d"
                tls { key-file = "%s" }
                clients { tests { key = ["%s"], allow = ["%s"] } }
                """.formatted(port, server.file(), String.join("\", \"", keys), ECHO.address());
    }

    /** A client that takes these keys for those of its server. */
    private String clientConfig(int serverPort, int port, String... keys) {
        return """
                upstream { servers = ["127.0.0.1:%d"], tls { key-file = "%s", server-key = ["%s"] } }
                forwards { web { listen = "127.0.0.1:%d", target = "%s" } }
                """.formatted(serverPort, client.file(), String.join("\", \"", keys), port, ECHO.address());
    }

    private AgentProcess startServer(String... keys) {
        return AgentProcess.server().config(serverConfig(0, keys)).start();
    }

    private AgentProcess startClient(AgentProcess of) {
        return AgentProcess.client()
                .config(clientConfig(of.port("listen"), 0, server.fingerprint()))
                .start();
    }

    @Test
    void aKeyThatIsTakenOutLosesItsSessionAndOneThatIsPutInGetsIn() throws Exception {
        Keys other = Keys.make("tunnel-client", directory.resolve("other.key"));
        try (AgentProcess of = startServer(client.fingerprint());
                AgentProcess from = startClient(of)) {
            from.awaitLog("session up");

            of.reload(serverConfig(0, other.fingerprint()));
            of.awaitLog("reloaded ");
            from.awaitLog("ended: forbidden: this client may not connect any more");
            from.awaitLog("the peer does not accept our key " + Pattern.quote(client.fingerprint()));

            of.reload(serverConfig(0, other.fingerprint(), client.fingerprint()));
            from.awaitLog("session up", 2);
            try (Socket socket = Tunnel.connect(from, "web")) {
                Tunnel.echo(socket);
            }
        }
    }

    @Test
    void whatMayBeDialledChangesForTheNextConnection() throws Exception {
        try (AgentProcess of = startServer(client.fingerprint());
                AgentProcess from = startClient(of);
                Socket before = Tunnel.connect(from, "web")) {
            Tunnel.echo(before);

            of.reload(serverConfig(0, client.fingerprint()).replace(ECHO.address(), "*:*"));
            of.awaitLog("reloaded ");
            assertThat(Tunnel.awaitReset(from, "web").reason())
                    .isEqualTo(
                            "reset: forbidden: no allow rule of tests covers %s; names and * leave out such an address,"
                                            .formatted(ECHO.address())
                                    + " so a rule has to have it itself");
            Tunnel.echo(before);
        }
    }

    @Test
    void aWrongFileChangesNothing() throws Exception {
        try (AgentProcess of = startServer(client.fingerprint());
                AgentProcess from = startClient(of)) {
            from.awaitLog("session up");

            of.reload(serverConfig(0, "SHA256:wrong"));
            of.awaitLog("not reloaded, nothing has changed:");
            try (Socket socket = Tunnel.connect(from, "web")) {
                Tunnel.echo(socket);
            }
        }
    }

    @Test
    void aPortThatAnotherForwardHasUntilThenIsNotFreeAndTheAnswerSaysWhose() throws Exception {
        try (AgentProcess of = startServer(client.fingerprint());
                AgentProcess from = startClient(of)) {
            int port = from.port("forwards.web");
            String config = clientConfig(of.port("listen"), 0, server.fingerprint());
            from.reload(config + "forwards.web.listen = \"0.0.0.0:%d\"\n".formatted(port));

            from.awaitLog(("forwards.web: cannot listen on 0.0.0.0:%d: forwards.web listens on 127.0.0.1:%d until then."
                            + " Take another port, or restart.")
                    .formatted(port, port));
            Tunnel.echoes(from);
        }
    }

    @Test
    void aForwardIsAddedUnderLoadChangedAndRemovedAndConnectionsGoOn() throws Exception {
        try (AgentProcess of = startServer(client.fingerprint());
                AgentProcess from = startClient(of);
                Load load = new Load(from)) {
            String one = clientConfig(of.port("listen"), 0, server.fingerprint());
            String added = "forwards { new { listen = \"127.0.0.1:0\", target = \"%s\" } }";
            from.awaitLog("session up");

            from.reload(one + added.formatted(ECHO.address()));
            try (Socket open = Tunnel.connect(from, "new")) {
                Tunnel.echo(open);
                from.reload(one + added.formatted("127.0.0.1:1"));
                from.awaitLog("forwards.new: new  127.0.0.1:0 -> 127.0.0.1:1 from now on");
                assertThat(Tunnel.awaitReset(from, "new").reason()).startsWith("reset: forbidden");

                from.reload(one);
                from.awaitLog("forwards.new: no longer listening on ");
                assertThatThrownBy(() -> Tunnel.connect(from, "new")).isInstanceOf(ConnectException.class);
                Tunnel.echo(open);
            }
            int done = load.done();
            await().atMost(AgentProcess.PATIENCE).until(() -> load.done() > done || load.failure() != null);
            assertThat(load.failure()).isNull();
            assertThat(from.log().matching("session up")).hasSize(1);
        }
    }

    @Test
    @Tag("long")
    void whatCanNotBeListenedForChangesNothing() throws Exception {
        try (AgentProcess of = startServer(client.fingerprint());
                AgentProcess from = startClient(of)) {
            from.awaitLog("session up");

            from.reload("""
                    %s
                    forwards { new { listen = "127.0.0.1:0", target = "a:1" }, taken { listen = "127.0.0.1:%d", target = "a:1" } }
                    """.formatted(clientConfig(of.port("listen"), 0, server.fingerprint()), of.port("listen")));
            from.awaitLog("forwards\\.taken: cannot listen on .*ss -ltnp");
            assertThat(from.log().matching("forwards.new: listening")).isEmpty();
            try (Socket socket = Tunnel.connect(from, "web")) {
                Tunnel.echo(socket);
            }
        }
    }

    @Test
    @Tag("long")
    void keysOfBothSidesAreChangedUnderLoadAndNoConnectionIsLost() throws Exception {
        Keys nextClient = Keys.make("tunnel-client", directory.resolve("next-client.key"));
        Keys nextServer = Keys.make("tunnel-server", directory.resolve("next-server.key"));
        try (AgentProcess of = startServer(client.fingerprint());
                AgentProcess from = startClient(of);
                Load load = new Load(from)) {
            int port = of.port("listen");
            int local = from.port("forwards.web");
            await().atMost(AgentProcess.PATIENCE).until(() -> load.done() > 10);

            // The client's: both are listed, the file changes, the old one is taken out.
            of.reload(serverConfig(port, client.fingerprint(), nextClient.fingerprint()));
            of.awaitLog("reloaded ");
            Files.move(nextClient.file(), client.file(), StandardCopyOption.REPLACE_EXISTING);
            from.awaitLog("session up", 2);
            of.awaitLog("session from .* ended: draining: drained");
            of.reload(serverConfig(port, nextClient.fingerprint()));
            of.awaitLog("reloaded ", 2);

            // The server's: both are pinned, the file changes, the old one is taken out.
            from.reload(clientConfig(port, local, server.fingerprint(), nextServer.fingerprint()));
            from.awaitLog("session up", 3);
            Files.move(nextServer.file(), server.file(), StandardCopyOption.REPLACE_EXISTING);
            of.awaitLog("the files of tls have changed");
            from.reload(clientConfig(port, local, nextServer.fingerprint()));
            from.awaitLog("session up", 4);

            int so = load.done();
            await().atMost(AgentProcess.PATIENCE).until(() -> load.done() > so + 10);
            assertThat(load.failure()).isNull();
        }
    }

    @Test
    @Tag("long")
    void aKeyThatOthersMayReadIsUsedOnceTheyMayNot() throws Exception {
        Keys next = Keys.make("tunnel-server", directory.resolve("next-server.key"));
        AgentProcess.Builder builder = AgentProcess.server()
                .config(serverConfig(0, client.fingerprint()))
                .excuse("the files of tls cannot be used");
        try (AgentProcess of = builder.start()) {
            String config = clientConfig(of.port("listen"), 0, next.fingerprint());
            Files.setPosixFilePermissions(next.file(), PosixFilePermissions.fromString("rw-r--r--"));
            Files.move(next.file(), server.file(), StandardCopyOption.REPLACE_EXISTING);
            of.awaitLog("the files of tls cannot be used, those from before stay: .*: chmod 600 ");
            Files.setPosixFilePermissions(server.file(), PosixFilePermissions.fromString("rw-------"));
            of.awaitLog("the files of tls have changed", 2);
            try (AgentProcess from = AgentProcess.client().config(config).start()) {
                from.awaitLog("session up");
            }
        }
    }

    @Test
    @Tag("long")
    void aClientGoesToAnotherServerAndItsConnectionsStayWithTheFirst() throws Exception {
        try (AgentProcess first = startServer(client.fingerprint());
                AgentProcess second = startServer(client.fingerprint());
                AgentProcess from = startClient(first)) {
            try (Socket before = Tunnel.connect(from, "web")) {
                Tunnel.echo(before);

                from.reload(clientConfig(second.port("listen"), 0, server.fingerprint()));
                from.awaitLog("session up", 2);
                Tunnel.echoes(from);
                second.awaitLog("forward=web .* end: closed");
                Tunnel.echo(before);
            }
            first.awaitLog("session from .* ended: draining: drained");
        }
    }

    @Tag("long")
    @Test
    void aClientThatIsTakenOutLosesItsConnectionsAlsoWhereAnybodyIsLetIn() throws Exception {
        Keys other = Keys.make("tunnel-client", directory.resolve("other.key"));
        try (AgentProcess of = startServer(client.fingerprint());
                AgentProcess from = startClient(of);
                Socket open = Tunnel.connect(from, "web")) {
            Tunnel.echo(open);

            of.reload(serverConfig(0, other.fingerprint()) + "anonymous { allow = [\"127.0.0.1:1\"] }");
            from.awaitLog("ended: forbidden: this client may not connect any more");
            assertThatThrownBy(() -> open.getInputStream().read()).isInstanceOf(SocketException.class);

            from.awaitLog("session up", 2);
            assertThat(Tunnel.awaitReset(from, "web").reason())
                    .contains("no allow rule of anonymous covers " + ECHO.address());
        }
    }

    @Test
    void aClientThatWaitsBeforeItTriesAgainTriesWhatIsNewAtOnce() throws Exception {
        try (AgentProcess of = startServer(client.fingerprint());
                AgentProcess from = AgentProcess.client()
                        .config(clientConfig(1, 0, server.fingerprint()) + "upstream.backoff { min = 1h, max = 1h }")
                        .start()) {
            from.awaitLog("dialling 127\\.0\\.0\\.1:1 in \\d+ ms");

            from.reload(clientConfig(of.port("listen"), 0, server.fingerprint()));
            from.awaitLog("session up");
        }
    }

    @Tag("long")
    @Test
    void aServerListensElsewhereAndItsSessionsGoOn() throws Exception {
        try (AgentProcess of = startServer(client.fingerprint());
                AgentProcess from = startClient(of)) {
            from.awaitLog("session up");
            String smux =
                    "smux { plain { listen = \"127.0.0.1:0\", target = \"%s\", tls = off } }".formatted(ECHO.address());

            of.reload(serverConfig(0, client.fingerprint()).replaceFirst("listen = .*", "listen = \"127.0.0.2:0\"")
                    + smux);
            of.awaitLog("listen: listening on 127\\.0\\.0\\.2:");
            of.awaitLog("listen: no longer listening on 127\\.0\\.0\\.1:");
            Tunnel.connectTo(of.port("smux.plain")).close();
            assertThatThrownBy(() -> Tunnel.connectTo(of.port("listen"))).isInstanceOf(ConnectException.class);
            Tunnel.echoes(from);
        }
    }

    /** Sessions of stock peers stay up for days. */
    @Test
    void sessionsOfASmuxEndpointGoWhereItsTargetIsNow() throws Exception {
        String smux = "smux { plain { listen = \"127.0.0.1:0\", target = \"%s\", tls = off } }\n";
        try (ServerSocket next = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                AgentProcess of = AgentProcess.server()
                        .config(smux.formatted(ECHO.address()))
                        .start();
                AgentProcess from = AgentProcess.client()
                        .config("""
                                upstream { servers = ["127.0.0.1:%d"], protocol = smux-v2, tls = off }
                                forwards { web { listen = "127.0.0.1:0" } }
                                """.formatted(of.port("smux.plain")))
                        .start()) {
            Tunnel.echoes(from);
            of.reload(smux.formatted("127.0.0.1:" + next.getLocalPort()));
            of.awaitLog("reloaded ");
            try (Socket socket = Tunnel.connect(from, "web");
                    Socket arrived = Tunnel.accept(next)) {
                socket.getOutputStream().write(1);
                assertThat(arrived.getInputStream().read()).isEqualTo(1);
            }
            of.reload(smux.formatted(ECHO.address()).replace("plain", "other"));
            of.awaitLog("smux.plain: session from .* ended: draining: drained");
        }
    }

    @Test
    @Tag("long")
    void limitsOfAServerHoldFromNowOn() throws Exception {
        try (AgentProcess of = startServer(client.fingerprint());
                AgentProcess from = startClient(of);
                Socket before = Tunnel.connect(from, "web")) {
            Tunnel.echo(before);

            of.reload(serverConfig(0, client.fingerprint()) + "limits.streams = 1");
            of.awaitLog("reloaded ");
            assertThat(Tunnel.awaitReset(from, "web").reason())
                    .isEqualTo("reset: limit reached: this server has 1 streams, the most it may have");
            Tunnel.echo(before);

            of.reload(serverConfig(0, client.fingerprint()) + "limits.buffer = 512g");
            of.awaitLog("not reloaded, nothing has changed:");
            of.awaitLog("limits.buffer: found 512g, more than half");
        }
    }

    @Test
    @Tag("long")
    void aDialTakesAsLongAsItMayNowInSessionsThatAreUpToo() throws Exception {
        try (DeafListener deaf = new DeafListener()) {
            deaf.fill();
            String target = "127.0.0.1:" + deaf.port();
            String config = serverConfig(0, client.fingerprint()).replace(ECHO.address(), target);
            try (AgentProcess of = AgentProcess.server()
                            .config(config + "dial.timeout = 5m")
                            .start();
                    AgentProcess from = AgentProcess.client()
                            .config(clientConfig(of.port("listen"), 0, server.fingerprint())
                                    .replace(ECHO.address(), target))
                            .start()) {
                from.awaitLog("session up");

                of.reload(config + "dial.timeout = 100ms");
                of.awaitLog("reloaded ");
                assertThat(Tunnel.awaitReset(from, "web").reason()).startsWith("reset: timeout: ");
                assertThat(from.log().matching("session up")).hasSize(1);
            }
        }
    }

    @Test
    @Tag("long")
    void theDeadlineOfADrainIsWhatItIsWhenItBegins() throws Exception {
        try (AgentProcess of = startServer(client.fingerprint());
                AgentProcess from = startClient(of);
                Socket open = Tunnel.connect(from, "web")) {
            Tunnel.echo(open);

            from.reload(clientConfig(of.port("listen"), 0, server.fingerprint()) + "drain.timeout = 50ms");
            from.awaitLog("reloaded ");
            from.terminate();
            assertThat(from.awaitExit()).isEqualTo(3);
            from.awaitLog("the drain deadline of 50 ms has passed");
        }
    }

    @Test
    @Tag("long")
    void aPlanShowsWhatWouldChangeAndWhomItWouldHitAndChangesNothing() throws Exception {
        String admin = "admin.listen = \"" + directory.resolve("%s.sock") + "\"\n";
        try (AgentProcess of = AgentProcess.server()
                        .config(serverConfig(0, client.fingerprint()) + admin.formatted("server"))
                        .start();
                AgentProcess from = AgentProcess.client()
                        .config(clientConfig(of.port("listen"), 0, server.fingerprint()) + admin.formatted("client"))
                        .start();
                Socket open = Tunnel.connect(from, "web")) {
            Tunnel.echo(open);
            String same = clientConfig(of.port("listen"), 0, server.fingerprint()) + admin.formatted("client");
            assertThat(plan(from, "tunnel-client", same).expect(0).output()).isEqualTo("nothing would change");

            String other = same.replace("web {", "db {").replaceFirst("servers = \\[", "$0\"127.0.0.1:1\", ");
            assertThat(plan(from, "tunnel-client", other).expect(0).output())
                    .contains("- web  127.0.0.1:0 -> " + ECHO.address())
                    .contains("+ db  127.0.0.1:0 -> " + ECHO.address() + " via 127.0.0.1:1 or ")
                    .contains("forwards.web no longer listens on 127.0.0.1:" + from.port("forwards.web")
                            + "; its 1 connections go on")
                    .contains("1 sessions are begun anew; the 1 connections go on by the old ones");
            assertThat(plan(from, "tunnel-client", other + "\nupstream.standby = true")
                            .expect(0)
                            .output())
                    .contains("a restart is needed for upstream.standby");
            int port = from.port("forwards.web");
            String wider = same + "forwards.web.listen = \"0.0.0.0:" + port + "\"\n";
            assertThat(plan(from, "tunnel-client", wider).expect(1).output())
                    .contains(
                            "forwards.web: cannot listen on 0.0.0.0:%d: forwards.web listens on 127.0.0.1:%d until then."
                                    .formatted(port, port));
            String closed = serverConfig(0, server.fingerprint()) + admin.formatted("server");
            assertThat(plan(of, "tunnel-server", closed).expect(0).output())
                    .containsPattern("- .*" + Pattern.quote(client.fingerprint()))
                    .containsPattern("the session of tests at 127\\.0\\.0\\.1:\\d+ ends, with its 1 connections");
            String seen = closed.replaceFirst("(admin.listen = )(.*)", "$1[$2, \"127.0.0.1:0\"]");
            assertThat(plan(of, "tunnel-server", seen).expect(0).output()).contains("a restart is needed for admin");
            String unreadable = closed.replace("server.key", "none.key");
            assertThat(plan(of, "tunnel-server", unreadable).expect(1).output()).contains("none.key: no such file");

            Tunnel.echo(open);
            Tunnel.echoes(from);
            assertThat(from.log().matching("reloaded")).isEmpty();
        }
    }

    private static Programs.Result plan(AgentProcess agent, String program, String config) throws IOException {
        agent.rewriteConfig(config);
        return Programs.run(Launcher.command(program, "-c", agent.configFile().toString(), "reload", "--plan"));
    }
}
