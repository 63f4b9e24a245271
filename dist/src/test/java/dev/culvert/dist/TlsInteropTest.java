package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Stock smux 1.5.57 inside Go's TLS on one side, this tunnel on the other, in both directions: who shows the right key
 * works and is held to what it may dial; nobody else gets a stream.
 */
@Tag("alone")
final class TlsInteropTest {
    private static final String PEER = "peer-1.5.57";

    @TempDir
    private Path directory = Path.of("");

    @BeforeAll
    static void needsGo() {
        GoProgram.require();
    }

    private Keys stranger() {
        return Keys.make("tunnel-client", directory.resolve("stranger.key"));
    }

    // ---- a stock client, our server

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void aStockClientWhoseKeyIsListedWorks(int version) {
        try (GoProgram echo = GoProgram.serve(PEER, "serve", "echo");
                AgentProcess server = server(echo.port(), "127.0.0.1:" + echo.port())) {
            GoProgram.run(PEER, client(version, server, Keys.CLIENT, "echo"));
            GoProgram.run(PEER, client(version, server, Keys.CLIENT, "many", "500"));
            server.awaitLog("smux\\.x: session from tests@127\\.0\\.0\\.1:\\d+ up, smux version " + version, 2);
            server.drains();
        }
        try (GoProgram bulk = GoProgram.serve(PEER, "serve", "bulk");
                AgentProcess server = server(bulk.port(), "127.0.0.1:" + bulk.port())) {
            GoProgram.run(PEER, client(version, server, Keys.CLIENT, "bulk", "20000000"));
            server.drains();
        }
    }

    /** It sees the end of each stream, which is all that smux can say. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void aStockClientIsRefusedWhatItsKeyMayNotDial(int version) throws Exception {
        try (Service target = Service.echo();
                AgentProcess server = server(target.port(), "127.0.0.1:1")) {
            GoProgram.run(PEER, client(version, server, Keys.CLIENT, "refused", "100"));

            String address = Pattern.quote(target.address());
            server.awaitLog(
                    "forward=smux\\.x client=tests@127\\.0\\.0\\.1:\\d+ target=" + address
                            + " in=0 out=0 ms=\\d+ end: reset: forbidden: no allow rule of tests covers " + address,
                    100);
            assertThat(server.log().matching("session from tests@.* up")).hasSize(1);
            target.hasSeenNobody();
            server.drains();
        }
    }

    @Test
    void aStockClientWhoseKeyIsNotListedGetsNoSession() throws Exception {
        Keys stranger = stranger();
        try (Service target = Service.echo();
                AgentProcess server = server(target.port(), target.address())) {
            GoProgram.fail(PEER, client(2, server, stranger, "echo"));

            server.awaitLog("WARN .*smux\\.x: refused 127\\.0\\.0\\.1:\\d+: its key "
                    + Pattern.quote(stranger.fingerprint()) + " is none of those under clients");
            assertThat(server.log().matching("session from")).isEmpty();
            target.hasSeenNobody();
        }
    }

    @Test
    void aStockClientWithoutACertificateGetsNoSession() throws Exception {
        try (Service target = Service.echo();
                AgentProcess server = server(target.port(), target.address())) {
            GoProgram.fail(
                    PEER,
                    "run",
                    "--over",
                    "smux2",
                    "--peer-key",
                    Keys.SERVER.fingerprint(),
                    "--connect",
                    "127.0.0.1:" + server.port("smux.x"),
                    "echo");

            server.awaitLog("WARN .*smux\\.x: refused 127\\.0\\.0\\.1:\\d+: the peer has shown no certificate");
            assertThat(server.log().matching("session from")).isEmpty();
            target.hasSeenNobody();
        }
    }

    private static AgentProcess server(int target, String allow) {
        return AgentProcess.server()
                .config("""
                        tls { key-file = "%s" }
                        clients.tests { key = "%s", allow = ["%s"] }
                        smux { x { listen = "127.0.0.1:0", target = "127.0.0.1:%d" } }
                        """.formatted(Keys.SERVER.file(), Keys.CLIENT.fingerprint(), allow, target))
                .start();
    }

    private static String[] client(int version, AgentProcess server, Keys own, String... work) {
        List<String> arguments = new ArrayList<>(List.of("run", "--over", "smux" + version));
        arguments.addAll(List.of("--tls-key", own.file().toString(), "--peer-key", Keys.SERVER.fingerprint()));
        arguments.addAll(List.of("--connect", "127.0.0.1:" + server.port("smux.x")));
        arguments.addAll(Arrays.asList(work));
        return arguments.toArray(new String[0]);
    }

    // ---- our client, a stock server

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void ourClientWorksWithAStockServer(int version) {
        try (GoProgram echo = server(version, Keys.CLIENT.fingerprint(), "echo");
                AgentProcess client = client(version, echo, Keys.SERVER.fingerprint())) {
            String forward = "127.0.0.1:" + client.port("forwards.x");
            GoProgram.run(PEER, "run", "--connect", forward, "echo");
            GoProgram.run(PEER, "run", "--connect", forward, "many", "500");
            client.drains();
        }
        try (GoProgram bulk = server(version, Keys.CLIENT.fingerprint(), "bulk");
                AgentProcess client = client(version, bulk, Keys.SERVER.fingerprint())) {
            String forward = "127.0.0.1:" + client.port("forwards.x");
            GoProgram.run(PEER, "run", "--connect", forward, "bulk", "20000000");
            client.drains();
        }
    }

    @Test
    void ourClientLeavesAStockServerWithAnotherKey() {
        String expected = stranger().fingerprint();
        try (GoProgram echo = server(2, Keys.CLIENT.fingerprint(), "echo");
                AgentProcess client = client(2, echo, expected)) {
            client.awaitLog("no session with 127\\.0\\.0\\.1:\\d+: the server's key is "
                    + Pattern.quote(Keys.SERVER.fingerprint() + ", expected " + expected));
            echo.awaitLog("smux session from 127\\.0\\.0\\.1:\\d+: remote error: tls: bad certificate");
            assertThat(client.log().matching("session up")).isEmpty();
        }
    }

    /**
     * In TLS 1.3 a client is done before the server has looked at its key, and a stock server has no first words to
     * wait for.
     */
    @Test
    void aStockServerRefusesOurClientWithAnotherKey() {
        String expected = stranger().fingerprint();
        try (GoProgram echo = server(2, expected, "echo");
                AgentProcess client = client(2, echo, Keys.SERVER.fingerprint())) {
            echo.awaitLog("smux session from 127\\.0\\.0\\.1:\\d+: the peer's key is "
                    + Pattern.quote(Keys.CLIENT.fingerprint() + ", want " + expected));
            client.awaitLog(
                    "the peer does not accept our key " + Pattern.quote(Keys.CLIENT.fingerprint()) + "; list it there");
        }
    }

    private static GoProgram server(int version, String clientKey, String service) {
        return GoProgram.serve(
                PEER,
                "serve",
                "--over",
                "smux" + version,
                "--tls-key",
                Keys.SERVER.file().toString(),
                "--peer-key",
                clientKey,
                service);
    }

    private static AgentProcess client(int version, GoProgram server, String serverKey) {
        return AgentProcess.client()
                .config("""
                        upstream {
                          servers = ["127.0.0.1:%d"], protocol = smux-v%d, tls { key-file = "%s", server-key = "%s" }
                        }
                        forwards { x { listen = "127.0.0.1:0" } }
                        """.formatted(server.port(), version, Keys.CLIENT.file(), serverKey))
                .start();
    }
}
