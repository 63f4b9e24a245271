package dev.culvert.dist;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.culvert.common.admin.AdminClient;
import dev.culvert.common.net.SocketFile;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A new process takes over from the one that runs, and no connection is refused, reset or lost. */
@Tag("long")
final class UpgradeTest {
    private static final Service ECHO = Service.echo();
    private static final Service TRANSFER = Transfers.service();

    @TempDir
    private Path directory = Path.of("");

    private Path socket = Path.of("");

    @AfterAll
    static void close() throws IOException {
        ECHO.close();
        TRANSFER.close();
    }

    @BeforeEach
    void nameTheSocket() {
        socket = directory.resolve("agent.sock");
    }

    /** Both agents, one of them with the admin socket. */
    private Tunnel.Builder tunnel(String agent) {
        String config = "drain.timeout = 60s, admin.listen = \"" + socket + "\"";
        Tunnel.Builder builder = Tunnel.to(ECHO).forward("transfers", TRANSFER);
        return agent.equals("server") ? builder.server(config) : builder.client(config);
    }

    private Config status() throws IOException, InterruptedException {
        try (AdminClient agent = new AdminClient(socket.toString())) {
            return ConfigFactory.parseString(agent.get("/status"));
        }
    }

    /** What becomes of an upgrade. */
    private String upgrade() throws IOException, InterruptedException {
        try (AdminClient agent = new AdminClient(socket.toString())) {
            return agent.post("/upgrade");
        }
    }

    /** One session after the other, each with a connection. */
    private static Load sessions(int port) {
        return new Load(() -> {
            try (RawPeer session = new RawPeer(Keys.CLIENT, port)) {
                session.send(
                        RawPeer.frame(RawPeer.HELLO, 0),
                        RawPeer.syn(3, ECHO),
                        RawPeer.frame(RawPeer.PSH, 3, (byte) 'x'),
                        RawPeer.frame(RawPeer.FIN, 3));
                while (session.await(RawPeer.FIN, RawPeer.GOAWAY).command() != RawPeer.FIN) {
                    // to be told that no more are taken is no harm to the one that is there
                }
            }
        });
    }

    @Test
    @Tag("alone")
    void aServerIsReplacedTwiceUnderLoadAndNothingIsLost() throws Exception {
        try (Tunnel tunnel = tunnel("server").open();
                Load connections = new Load(tunnel.client());
                Load sessions = sessions(tunnel.server().port("listen"));
                Transfers old = Transfers.halfDone(tunnel.client(), "transfers", 10)) {
            connections.goesOn();
            sessions.goesOn();

            try (AgentProcess second = tunnel.server().successor()) {
                takesOver(second, tunnel.server(), 1);
                tunnel.client().awaitLog("session up", 2);
                connections.goesOn();
                sessions.goesOn();
                try (Transfers young = Transfers.halfDone(tunnel.client(), "transfers", 10);
                        AgentProcess third = second.successor()) {
                    takesOver(third, second, 1);
                    tunnel.client().awaitLog("session up", 3);
                    connections.goesOn();
                    sessions.goesOn();

                    assertThat(tunnel.server().isAlive()).isTrue();
                    assertThat(second.isAlive()).isTrue();
                    old.finish();
                    assertThat(tunnel.server().awaitExit()).isZero();
                    young.finish();
                    assertThat(second.awaitExit()).isZero();
                    connections.goesOn();
                    sessions.goesOn();
                    connections.end();
                    sessions.end();
                    System.out.printf(
                            "UpgradeTest: two upgrades, %d connections and %d sessions, none refused, reset or lost%n",
                            connections.done(), sessions.done());
                }
                assertThat(socket).doesNotExist();
            }
        }
    }

    @Test
    void aReloadThatIsAskedForBeforeItHasTakenOverIsDoneThen() throws Exception {
        try (Tunnel tunnel = tunnel("client").open()) {
            tunnel.server().signal("STOP");
            try (AgentProcess next = tunnel.client().successor()) {
                next.port("forwards.web"); // and it waits for a session now
                next.signal("HUP");
                tunnel.server().signal("CONT");
                next.awaitLog("taken over");
                next.awaitLog("reloaded ");
            }
        }
    }

    /** Waits until one has taken over, and is who is asked and who serves, while the other still drains. */
    private void takesOver(AgentProcess next, AgentProcess before, int sessions) throws Exception {
        next.awaitLog("taken over; the process before this one drains");
        before.awaitLog("pid " + next.pid() + " has taken over");
        before.awaitLog("draining: \\d+ connections left");
        assertThat(next.port("listen")).isEqualTo(before.port("listen"));
        assertThat(status().getLong("pid")).isEqualTo(next.pid());
        next.awaitLog("session from .* up", sessions);
        assertThat(before.isAlive()).isTrue();
    }

    @Test
    @Tag("alone")
    void aClientIsReplacedUnderLoadAndNothingIsLost() throws Exception {
        try (Tunnel tunnel = tunnel("client").open();
                Load connections = new Load(tunnel.client());
                Transfers transfers = Transfers.halfDone(tunnel.client(), "transfers", 10)) {
            connections.goesOn();

            try (AgentProcess second = tunnel.client().successor()) {
                tunnel.client().awaitLog("draining: \\d+ connections left");
                second.awaitLog("forward=web .* end: closed");
                connections.goesOn();
                assertThat(status().getLong("pid")).isEqualTo(second.pid());
                assertThat(tunnel.client().isAlive()).isTrue();

                transfers.finish();
                assertThat(tunnel.client().awaitExit()).isZero();
                connections.goesOn();
                connections.end();
            }
        }
    }

    @Test
    void theFileOfAUnixSocketGoesWithTheLastProcessThatListens() throws Exception {
        Path local = directory.resolve("local.sock");
        try (Tunnel tunnel = tunnel("client").client(forward(local)).open()) {
            try (AgentProcess second = tunnel.client().successor()) {
                assertThat(tunnel.client().awaitExit()).isZero();
                assertThat(SocketFile.isAnswered(local)).isTrue();

                second.terminate();
                assertThat(second.awaitExit()).isZero();
            }
        }
        assertThat(local).doesNotExist();
    }

    @Test
    void aUnixSocketThatTheNextProcessHasNoUseForIsGoneWhileTheLastOneDrains() throws Exception {
        Path local = directory.resolve("local.sock");
        Path other = directory.resolve("other.sock");
        Tunnel.Builder builder = tunnel("client");
        try (AgentProcess server = builder.startServer(0);
                AgentProcess client = builder.client(forward(local)).startClient(server.port("listen"));
                Socket open = Tunnel.connect(client, "web")) {
            Tunnel.echo(open);
            client.rewriteConfig(
                    builder.clientConfig(server.port("listen")).replace(local.toString(), other.toString()));

            try (AgentProcess second = client.successor()) {
                second.awaitLog("forwards.local: listening on unix:" + other);
                client.awaitLog("draining: 1 connections left");
                await().atMost(AgentProcess.PATIENCE).until(() -> !Files.exists(local));
                assertThat(SocketFile.isAnswered(other)).isTrue();
                Tunnel.echo(open);
                open.shutdownOutput();
                assertThat(open.getInputStream().read()).isNegative();
                assertThat(client.awaitExit()).isZero();
            }
        }
    }

    /** Its descriptor may be another file's by the time that it is sent. */
    @Test
    @InAMinute
    void whoGotASocketThatIsClosedMeanwhileDoesNotTakeOver() throws Exception {
        try (Tunnel tunnel = tunnel("server")
                        .server("listeners.printer.listen = \"127.0.0.1:0\", clients.tests.offers = [\"printer\"]")
                        .client("reverse.printer.target = \"%s\"".formatted(ECHO.address()))
                        .open();
                SocketChannel heir = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            tunnel.server().awaitLog("listeners.printer: listening on");
            assertThat(ask(heir, "/hand-over")).contains("listeners.printer");

            tunnel.client().terminate();
            tunnel.client().awaitExit();
            tunnel.server().awaitLog("listeners.printer: no longer listening");

            assertThat(ask(heir, "/hand-over/ready"))
                    .startsWith("HTTP/1.1 409 ")
                    .endsWith("try again\n");
            assertThat(status().getString("state")).isEqualTo("ready");
        }
    }

    /** Who takes longer reads that, and does not go on beside the one that has stopped waiting. */
    @Test
    @InAMinute
    @Tag("long")
    void whoTakesTooLongToBecomeReadyIsToldThatTheAgentGoesOn() throws Exception {
        try (Tunnel tunnel = tunnel("server").open();
                Socket open = tunnel.connect();
                SocketChannel heir = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            assertThat(ask(heir, "/hand-over")).contains("\"listen\"");

            ByteBuffer said = ByteBuffer.allocate(1 << 16);
            heir.read(said);
            assertThat(US_ASCII.decode(said.flip()).toString())
                    .startsWith("HTTP/1.1 409 ")
                    .endsWith("it waited 30 s for its heir, and goes on\n");
            goesOn(tunnel, open);
        }
    }

    /** What an answer begins with, and the whole of it if it is short. */
    private static String ask(SocketChannel agent, String path) throws IOException {
        agent.write(US_ASCII.encode("POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"));
        ByteBuffer answer = ByteBuffer.allocate(1 << 16);
        agent.read(answer);
        return US_ASCII.decode(answer.flip()).toString();
    }

    private static String forward(Path local) {
        return "forwards.local { listen = \"unix:%s\", target = \"%s\" }".formatted(local, ECHO.address());
    }

    @Test
    void anUpgradeStartsTheProgramAnew() throws Exception {
        try (Tunnel tunnel = tunnel("server").open();
                Load connections = new Load(tunnel.client());
                Socket old = tunnel.connect()) {
            old.getOutputStream().write('x');
            Service.readFully(old.getInputStream(), 1);
            connections.goesOn();

            String said = upgrade();

            ProcessHandle next = ProcessHandle.of(status().getLong("pid")).orElseThrow();
            try {
                assertThat(said)
                        .isEqualTo("pid %d has taken over, pid %d drains\n"
                                .formatted(next.pid(), tunnel.server().pid()));
                assertThat(next.parent().map(ProcessHandle::pid))
                        .isNotEqualTo(Optional.of(tunnel.server().pid()));
                tunnel.client().awaitLog("session up", 2);
                connections.goesOn();
                connections.end();
                assertThat(tunnel.server().isAlive()).isTrue();
                old.shutdownOutput();
                assertThat(old.getInputStream().read()).isNegative();
                await().atMost(AgentProcess.PATIENCE)
                        .until(() -> !tunnel.server().isAlive());
                Tunnel.echoes(tunnel.client());
            } finally {
                next.destroy();
                next.onExit().get(AgentProcess.PATIENCE.toSeconds(), TimeUnit.SECONDS);
            }
            assertThat(socket).doesNotExist();
        }
    }

    /** The first process of a container, and what an init has started that is the first. */
    @ParameterizedTest
    @ValueSource(strings = {"exec \"$0\" \"$@\"", "\"$0\" \"$@\"; exit"})
    void whatAContainerEndsWithIsNotReplaced(String start) throws Exception {
        String[] inside = {"unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", start};
        boolean possible =
                Programs.run(Stream.concat(Stream.of(inside), Stream.of("true")).toArray(String[]::new))
                                .code()
                        == 0;
        Programs.require(possible, "netns", "to make one takes root", "UpgradeTest: an upgrade in a container");
        try (Tunnel tunnel = tunnel("server")
                .onServer(agent -> agent.startedBy(inside).environment("KUBERNETES_SERVICE_HOST", "10.0.0.1"))
                .open()) {
            assertThatThrownBy(this::upgrade).hasMessageContaining("start a new container instead");
            Tunnel.echoes(tunnel.client());
            tunnel.server().kill(); // to another signal `unshare` does not listen
        }
    }

    @Test
    void aWrongConfigurationChangesNothing() throws Exception {
        try (Tunnel tunnel = tunnel("server").open();
                Socket open = tunnel.connect()) {
            String right = Files.readString(tunnel.server().configFile());
            tunnel.server().rewriteConfig(right + "lisen = 1\n");

            try (AgentProcess second = tunnel.server().successor()) {
                assertThat(second.awaitExit()).isEqualTo(1);
                second.awaitLog("lisen: unknown key; did you mean listen?");
            }
            assertThatThrownBy(this::upgrade)
                    .hasMessageStartingWith("not upgraded, nothing has changed:\n")
                    .hasMessageContaining("lisen: unknown key; did you mean listen?");
            goesOn(tunnel, open);
        }
    }

    @Test
    void aNewProcessThatFailsLeavesTheUnixSocketsOfListeners() throws Exception {
        Path web = directory.resolve("web.sock");
        try (Tunnel tunnel = tunnel("server")
                        .server("listeners.web.listen = \"unix:%s\", clients.tests.offers = [\"web\"]".formatted(web))
                        .client("reverse.web.target = \"%s\"".formatted(ECHO.address()))
                        .open();
                ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            tunnel.server().awaitLog("listeners.web: listening on");
            tunnel.server()
                    .rewriteConfig(Files.readString(tunnel.server().configFile())
                            + "smux.old { listen = \"127.0.0.1:%d\", target = \"127.0.0.1:1\", tls = off }\n"
                                    .formatted(taken.getLocalPort()));

            try (AgentProcess second = tunnel.server().successor()) {
                assertThat(second.awaitExit()).isEqualTo(5);
            }
            assertThat(SocketFile.isAnswered(web)).isTrue();
        }
    }

    /** The process that was there before is not asked to drain, and listens, connects and answers as it did. */
    private void goesOn(Tunnel tunnel, Socket open) throws Exception {
        open.getOutputStream().write('y');
        assertThat(open.getInputStream().read()).isEqualTo('y');
        Tunnel.echoes(tunnel.client());
        Tunnel.connectTo(tunnel.server().port("listen")).close();
        assertThat(status().getLong("pid")).isEqualTo(tunnel.server().pid());
        assertThat(status().getString("state")).isEqualTo("ready");
    }

    @Test
    void aNewProcessThatCanNotListenChangesNothing() throws Exception {
        try (Tunnel tunnel = tunnel("server").open();
                Socket open = tunnel.connect();
                ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String right = Files.readString(tunnel.server().configFile());
            tunnel.server()
                    .rewriteConfig(right
                            + "smux.old { listen = \"127.0.0.1:%d\", target = \"127.0.0.1:1\", tls = off }\n"
                                    .formatted(taken.getLocalPort()));

            try (AgentProcess second = tunnel.server().successor()) {
                assertThat(second.awaitExit()).isEqualTo(5);
                second.awaitLog("smux.old: cannot listen on .*: .*Address already in use");
            }
            assertThatThrownBy(this::upgrade)
                    .hasMessage(
                            "not upgraded, nothing has changed: the new process has ended before it could take over,"
                                    + " and its log says why");
            tunnel.server().awaitLog("smux.old: cannot listen on .*: .*Address already in use");
            goesOn(tunnel, open);
            tunnel.server().reload(right);
            tunnel.server().awaitLog("reloaded ");
        }
    }

    @Test
    void aClientWithoutASessionDoesNotTakeOver() throws Exception {
        Path local = directory.resolve("local.sock");
        try (Tunnel tunnel = tunnel("client").client(forward(local)).open();
                Socket open = tunnel.connect()) {
            String right = Files.readString(tunnel.client().configFile());
            tunnel.client().rewriteConfig(right.replace(Keys.SERVER.fingerprint(), Keys.CLIENT.fingerprint()));

            try (AgentProcess second = tunnel.client().successor()) {
                assertThat(second.awaitExit()).isEqualTo(1);
                second.awaitLog(
                        "not ready to take over within 10 s, so the agent that runs goes on: no session to a server");
            }
            open.getOutputStream().write('y');
            assertThat(open.getInputStream().read()).isEqualTo('y');
            Tunnel.echoes(tunnel.client());
            assertThat(SocketFile.isAnswered(local)).isTrue();
            assertThat(status().getLong("pid")).isEqualTo(tunnel.client().pid());
        }
        assertThat(local).doesNotExist();
    }

    @Test
    void ifTheOldProcessDiesInTheMiddleTheNewOneTakesItsPlace() throws Exception {
        try (Tunnel tunnel = tunnel("client").open()) {
            Tunnel.echoes(tunnel.client());
            tunnel.server().signal("STOP"); // so that the new process waits for its session
            try (AgentProcess second = tunnel.client().successor()) {
                int port = second.port("forwards.web");
                tunnel.client().kill();

                try (Socket waiting = Tunnel.connectTo(port)) { // in the backlog, which is the new one's now
                    tunnel.server().signal("CONT");
                    second.awaitLog("the agent before this one has ended by itself");
                    waiting.getOutputStream().write('x');
                    assertThat(waiting.getInputStream().read()).isEqualTo('x');
                }
                assertThat(status().getLong("pid")).isEqualTo(second.pid());
            }
        }
    }

    @Test
    void oldProcessesHaveTimeUntilTheNewestIsToldToEnd() throws Exception {
        try (Tunnel tunnel = tunnel("client").client("drain.timeout = 1s").open();
                Socket open = tunnel.connect()) {
            Tunnel.echo(open);
            try (AgentProcess second = tunnel.client().successor()) {
                second.awaitLog("taken over");
                tunnel.client().awaitLog("draining: 1 connections left, 35\\d\\d s to go");
                Tunnel.echo(open);
                try (AgentProcess third = second.successor()) {
                    third.awaitLog("taken over");
                    second.awaitLog("draining: 0 connections left, 35\\d\\d s to go");

                    third.terminate();
                    tunnel.client().awaitLog("draining: 1 connections left, [01] s to go");
                    tunnel.client().awaitLog("the drain deadline of 1000 ms has passed: resetting ");
                    assertThat(tunnel.client().awaitExit()).isEqualTo(3);
                    assertThat(third.awaitExit()).isZero();
                }
                assertThat(second.awaitExit()).isZero();
            }
        }
    }

    /** Though the first process still drains. */
    @Test
    void ifTheNewProcessDiesAnotherOneCanBeStarted() throws Exception {
        try (Tunnel tunnel = tunnel("server").open();
                Socket open = tunnel.connect()) {
            Tunnel.echo(open);
            try (AgentProcess second = tunnel.server().successor()) {
                takesOver(second, tunnel.server(), 1);
                second.kill();
            }
            try (AgentProcess third = tunnel.server().again()) {
                third.awaitLog("admin: listening on");
                assertThat(status().getLong("pid")).isEqualTo(third.pid());
            }
            end(open);
            assertThat(tunnel.server().awaitExit()).isZero();
        }
    }

    @Test
    @Tag("alone") // who has not said it within 10 s is turned away
    void whoHasNotSaidYetWhereItGoesIsServedByTheOldProcess() throws Exception {
        try (Tunnel tunnel = tunnel("client")
                        .client("forwards.proxy { listen = \"127.0.0.1:0\", protocol = http-connect }")
                        .open();
                Socket socket = tunnel.connect("proxy")) {
            String request = "CONNECT " + ECHO.address() + " HTTP/1.1\r\n\r\n";
            socket.getOutputStream().write(Bytes.ascii(request.substring(0, 9)));
            Tunnel.echoes(tunnel.client()); // so it has come

            try (AgentProcess second = tunnel.client().successor()) {
                second.awaitLog("taken over; the process before this one drains");
                tunnel.client().awaitLog("draining: ");
                socket.getOutputStream().write(Bytes.ascii(request.substring(9)));
                assertThat(new String(Service.readFully(socket.getInputStream(), 12), US_ASCII))
                        .isEqualTo("HTTP/1.1 200");
                end(socket);
                assertThat(tunnel.client().awaitExit()).isZero();
            }
        }
    }

    private static void end(Socket socket) throws IOException {
        socket.shutdownOutput();
        socket.getInputStream().readAllBytes();
    }

    @Test
    void withNobodyThereItSaysHowToStart() throws Exception {
        try (Tunnel tunnel = tunnel("server").open()) {
            tunnel.server().terminate();
            assertThat(tunnel.server().awaitExit()).isZero();

            try (AgentProcess second = tunnel.server().successor()) {
                assertThat(second.awaitExit()).isEqualTo(69);
                second.awaitLog(
                        "nobody answers on " + socket + ", so there is no agent to take over from: `run` starts one");
            }
        }
    }

    @Test
    void oneThatDoesNotAnswerIsNotTakenOver() throws Exception {
        try (Tunnel tunnel = tunnel("server").open();
                Socket open = tunnel.connect()) {
            open.getOutputStream().write('x');
            Service.readFully(open.getInputStream(), 1);
            tunnel.server().signal("STOP");

            try (AgentProcess second = tunnel.server().successor()) {
                assertThatThrownBy(this::status)
                        .hasMessageStartingWith(
                                "no answer from " + socket + " within 10 s: the agent there is stopped");
                assertThat(second.awaitExit()).isEqualTo(1);
                second.awaitLog("no answer from " + socket + " within 10 s");
            }
            tunnel.server().signal("CONT");
            goesOn(tunnel, open);
        }
    }

    @Test
    void oneThatDrainsIsNotTakenOver() throws Exception {
        try (Tunnel tunnel = tunnel("server").open();
                Socket open = tunnel.connect()) {
            open.getOutputStream().write('x');
            Service.readFully(open.getInputStream(), 1);
            tunnel.server().terminate();
            tunnel.server().awaitLog("draining: 1 connections left");

            try (AgentProcess second = tunnel.server().successor()) {
                assertThat(second.awaitExit()).isEqualTo(1);
                second.awaitLog("does not give its place away: it is too late, this one drains");
            }
            open.shutdownOutput();
            assertThat(open.getInputStream().read()).isNegative();
            assertThat(tunnel.server().awaitExit()).isZero();
        }
    }
}
