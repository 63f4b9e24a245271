package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.Socket;
import java.net.SocketException;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Sessions are lost, and come back by themselves. */
final class RecoveryTest {
    private static final Service ECHO = Service.echo();

    @AfterAll
    static void close() throws IOException {
        ECHO.close();
    }

    @Test
    void aClientIsBackWithinFiveSecondsOfItsServer() throws Exception {
        Tunnel.Builder builder = Tunnel.to(ECHO);
        try (Tunnel tunnel = builder.open();
                Socket lost = tunnel.connect()) {
            Tunnel.echo(lost);
            int port = tunnel.server().port("listen");
            tunnel.server().kill();

            try (AgentProcess restarted = builder.startServer(port)) {
                restarted.port("listen");
                tunnel.client().awaitLog("session up", 2);

                // By what it says, since a busy machine takes longer to do it.
                assertThat(tunnel.client().log().matching("; dialling "))
                        .isNotEmpty()
                        .allSatisfy(line -> assertThat(
                                        Integer.parseInt(line.replaceFirst(".*; dialling .* in (\\d+) ms.*", "$1")))
                                .isLessThanOrEqualTo(5_000));
                try (Socket socket = tunnel.connect()) {
                    Tunnel.echo(socket);
                }
                // The new server knows nothing of what the old one had.
                assertThatThrownBy(() -> lost.getInputStream().read()).isInstanceOf(SocketException.class);
                tunnel.client().awaitLog("does not know the session any more: it was restarted, or is another server");
            }
        }
    }

    /** The new server has no room for a session that asks for the lost one, since it has that of the client already. */
    @Tag("long")
    @Test
    void connectionsOfALostServerEndAlsoWhereItHasRoomForOneSession() throws Exception {
        Tunnel.Builder builder = Tunnel.to(ECHO)
                .server("clients.tests.limits.sessions = 1")
                .client("upstream.backoff.max = 300ms"); // it takes several refusals
        try (Tunnel tunnel = builder.open();
                Socket lost = tunnel.connect()) {
            Tunnel.echo(lost);
            int port = tunnel.server().port("listen");
            tunnel.server().kill();

            try (AgentProcess restarted = builder.startServer(port)) {
                restarted.port("listen");
                lost.setSoTimeout((int) AgentProcess.PATIENCE.toMillis()); // half of resume.window
                assertThatThrownBy(() -> lost.getInputStream().read()).isInstanceOf(SocketException.class);
                tunnel.client().awaitLog("does not know the session any more, and has no room for another");
            }
        }
    }

    @Test
    void aConnectionMadeWithoutASessionWaitsAndIsServedWhenTheServerAppears() throws Exception {
        Tunnel.Builder builder = Tunnel.to(ECHO).client("upstream.wait = 30s");
        int port = Service.freePort();
        try (AgentProcess client = builder.startClient(port);
                Socket socket = Tunnel.connect(client, "web")) {
            socket.getOutputStream().write('x');
            client.awaitLog("cannot connect: .*connection refused");

            try (AgentProcess server = builder.startServer(port)) {
                assertThat(socket.getInputStream().read()).isEqualTo('x');
                server.port("listen");
            }
        }
    }

    @Test
    void aConnectionThatWaitsInVainIsResetAndLogged() throws Exception {
        try (AgentProcess client =
                        Tunnel.to(ECHO).client("upstream.wait = 300ms").startClient(Service.freePort());
                Socket socket = Tunnel.connect(client, "web")) {
            assertThatThrownBy(() -> socket.getInputStream().read())
                    .isInstanceOf(SocketException.class)
                    .hasMessageContaining("reset");
            assertThat(client.awaitEnding("web", socket).reason())
                    .isEqualTo("reset: no session to a server within upstream.wait");
        }
    }

    @Test
    void serversAreTriedInOrder() throws Exception {
        Tunnel.Builder builder = Tunnel.to(ECHO);
        int dead = Service.freePort();
        try (AgentProcess server = builder.startServer(0);
                AgentProcess client = builder.startClient(dead, server.port("listen"))) {
            client.awaitLog("127.0.0.1:" + dead + ": connection refused.*; dialling 127.0.0.1:" + server.port("listen")
                    + " in 0 ms");
            client.awaitLog("session up, server 127.0.0.1:" + server.port("listen"));
        }
    }

    /** Its session is up, because a stock server would say nothing either, and is lost at once. */
    @Test
    @Tag("long")
    void aStockServerThatHangsUpIsLeftForTheNextOne() throws Exception {
        try (Service hangsUp = Service.of(socket -> {});
                AgentProcess server = smuxServer();
                AgentProcess client = AgentProcess.client()
                        .config("""
                                upstream { servers = ["%s", "127.0.0.1:%d"], tls = off, protocol = smux-v2 }
                                forwards { web { listen = "127.0.0.1:0" } }
                                """.formatted(hangsUp.address(), server.port("smux.stock")))
                        .start()) {
            client.awaitLog("session up, server 127.0.0.1:" + server.port("smux.stock"));
            try (Socket socket = Tunnel.connect(client, "web")) {
                Tunnel.echo(socket);
            }
        }
    }

    @Test
    @Tag("long")
    void aClientOnAnEndpointForStockSmuxIsToldWhichSettingToChange() {
        try (AgentProcess server = smuxServer();
                AgentProcess client = Tunnel.to(ECHO).plain().startClient(server.port("smux.stock"))) {
            server.awaitLog("smux.stock: refused 127.0.0.1:\\d+: .*set upstream.protocol = smux-v2 to use this one");
            client.awaitLog("no session with .*set upstream.protocol = smux-v1 or smux-v2");
        }
    }

    private static AgentProcess smuxServer() {
        return AgentProcess.server()
                .config("smux { stock { listen = \"127.0.0.1:0\", tls = off, target = \"%s\" } }"
                        .formatted(ECHO.address()))
                .start();
    }

    @Test
    @Tag("long")
    void aSmuxClientOnAnEndpointForCulvertIsToldWhichSettingToChange() throws IOException {
        try (AgentProcess server = Tunnel.to(ECHO).plain().startServer(0);
                AgentProcess client = AgentProcess.client()
                        .config("""
                                upstream { servers = ["127.0.0.1:%d"], tls = off, protocol = smux-v2 }
                                forwards { web { listen = "127.0.0.1:0" } }
                                """.formatted(server.port("listen")))
                        .start();
                Socket socket = Tunnel.connect(client, "web")) {
            assertThatThrownBy(() -> socket.getInputStream().read()).isInstanceOf(SocketException.class);
            server.awaitLog("listen: refused 127.0.0.1:\\d+: .*a Culvert client needs upstream.protocol = culvert");
        }
    }

    @Test
    @Tag("long")
    void aClientOnAWebServerIsToldWhichSettingToChange() throws IOException {
        try (Service web = Service.of(socket -> {
                    socket.getInputStream().read();
                    socket.getOutputStream().write(Bytes.ascii("HTTP/1.1 400 Bad Request\r\n\r\n"));
                });
                AgentProcess plain = Tunnel.to(ECHO).plain().startClient(web.port());
                AgentProcess client = Tunnel.to(ECHO).startClient(web.port())) {
            plain.awaitLog("no session with " + web.address() + ".*is no smux.*upstream.servers");
            client.awaitLog(
                    "no session with " + web.address() + ": the peer does not speak TLS; correct upstream.servers");
        }
    }

    @Test
    void aServerThatHasStoppedToAnswerIsNoticed() throws Exception {
        try (Tunnel tunnel = Tunnel.to(ECHO)
                .client("keepalive { interval = 500ms, timeout = 1s }")
                .open()) {
            tunnel.server().signal("STOP");

            tunnel.client()
                    .awaitLog(
                            "link to .* lost, 0 connections wait for another: nothing heard from the peer for 1000 ms");
            tunnel.server().signal("CONT");
            tunnel.client().awaitLog("session to .* goes on after");
            try (Socket socket = tunnel.connect()) {
                Tunnel.echo(socket);
            }
        }
    }

    @Test
    @Tag("long")
    void aClientThatWasStoppedDoesNotTakeItsOwnSilenceForTheServers() throws Exception {
        try (Tunnel tunnel = Tunnel.to(ECHO)
                        .client("keepalive { interval = 500ms, timeout = 5s }")
                        .open();
                Socket socket = tunnel.connect()) {
            Tunnel.echo(socket);

            tunnel.client().signal("STOP");
            await().atMost(Duration.ofSeconds(20))
                    .during(Duration.ofSeconds(7))
                    .until(() -> tunnel.client().state() == 'T');
            tunnel.client().signal("CONT");

            Tunnel.echo(socket);
            await().during(Duration.ofSeconds(2))
                    .atMost(Duration.ofSeconds(10))
                    .untilAsserted(() ->
                            assertThat(tunnel.client().log().matching("lost")).isEmpty());
            Tunnel.echo(socket);
        }
    }
}
