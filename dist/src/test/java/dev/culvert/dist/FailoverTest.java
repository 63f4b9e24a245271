package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.ConfigFactory;
import dev.culvert.common.admin.AdminClient;
import dev.culvert.mux.ErrorCode;
import java.net.Socket;
import java.net.SocketException;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** One session takes the place of another, and nobody who uses them notices. */
class FailoverTest {
    private static final Service ECHO = Service.echo();

    @Test
    @Tag("long")
    void aClientReturnsToTheFirstServerAndItsConnectionsStay() throws Exception {
        int port = Service.freePort();
        Tunnel.Builder builder = Tunnel.to(ECHO).client("upstream.return-after = 1s");
        try (AgentProcess second = builder.startServer(0);
                AgentProcess client = builder.startClient(port, second.port("listen"))) {
            client.awaitLog("session up, server 127.0.0.1:" + second.port("listen"));
            try (Socket before = Tunnel.connect(client, "web")) {
                Tunnel.echo(before);

                try (AgentProcess first = builder.startServer(port)) {
                    client.awaitLog("session up, server 127.0.0.1:" + first.port("listen"));
                    try (Socket after = Tunnel.connect(client, "web")) {
                        Tunnel.echo(after);
                        Tunnel.echo(before);
                    }
                    first.awaitLog("forward=web .* end: closed");
                }
                Tunnel.echo(before);
            }
            second.awaitLog("forward=web .* end: closed");
        }
    }

    @Test
    @Tag("long")
    void aSessionThatIsOldIsReplacedAndNoConnectionIsLost() throws Exception {
        try (Tunnel tunnel = Tunnel.to(ECHO).client("upstream.max-age = 1s").open();
                Socket first = tunnel.connect();
                Load load = new Load(tunnel.client())) {
            Tunnel.echo(first);

            tunnel.client().awaitLog("session up", 4);
            load.goesOn();

            Tunnel.echo(first);
            assertThat(tunnel.client().log().matching("end: reset")).isEmpty();
            // The first connection still has the first session; those in between have ended.
            tunnel.client().awaitLog("old session to .* ended: draining: drained");
            assertThat(tunnel.client().log().matching("lost")).isEmpty();
        }
    }

    @Test
    void aConnectionThatAServerHasNotProcessedGoesToAnotherWithAllItHasSaid() throws Exception {
        Tunnel.Builder builder = Tunnel.to(ECHO).plain();
        try (RefusingServer first = new RefusingServer(ErrorCode.REFUSED);
                AgentProcess second = builder.startServer(0);
                AgentProcess client = builder.startClient(first.port(), second.port("listen"))) {
            client.awaitLog("session up, server 127.0.0.1:" + first.port());
            try (Socket socket = Tunnel.connect(client, "web")) {
                Tunnel.echo(socket);
                Tunnel.echo(socket);
            }
            client.awaitLog("forward=web .* in=2 out=2 .* end: closed");
            assertThat(first.asked()).isOne();
            assertThat(client.log().matching("end: reset")).isEmpty();
        }
    }

    @Test
    void aConnectionWhoseTargetMayHaveBeenDialledIsNotTriedAgain() throws Exception {
        Tunnel.Builder builder = Tunnel.to(ECHO).plain();
        try (RefusingServer first = new RefusingServer(ErrorCode.DRAINING);
                AgentProcess second = builder.startServer(0);
                AgentProcess client = builder.startClient(first.port(), second.port("listen"))) {
            client.awaitLog("session up, server 127.0.0.1:" + first.port());
            try (Socket socket = Tunnel.connect(client, "web")) {
                socket.getOutputStream().write('x');
                assertThatThrownBy(() -> socket.getInputStream().read()).isInstanceOf(SocketException.class);
            }
            client.awaitLog("forward=web .* end: reset: draining");
            client.awaitLog("session up, server 127.0.0.1:" + second.port("listen"));
            assertThat(second.log().matching("forward=web")).isEmpty();
        }
    }

    /** A machine that is switched off answers no SYN, a process that is stopped no TLS. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    @Tag("long")
    void aServerThatSaysNothingDoesNotKeepConnectionsFromTheNext(boolean isOff) throws Exception {
        Tunnel.Builder builder = Tunnel.to(ECHO);
        try (DeafListener silent = new DeafListener();
                AgentProcess second = builder.startServer(0)) {
            if (isOff) {
                silent.fill();
            }
            try (AgentProcess client = builder.startClient(silent.port(), second.port("listen"))) {
                Tunnel.echoes(client); // which would have been reset after 10 s
                client.awaitLog("no session with 127.0.0.1:%d within 3 s; dialling 127.0.0.1:%d in 0 ms"
                        .formatted(silent.port(), second.port("listen")));
            }
        }
    }

    @Tag("long")
    @Test
    void withWeightsAServerThatIsDownIsLeftOut() throws Exception {
        Tunnel.Builder builder = Tunnel.to(ECHO);
        try (AgentProcess light = builder.startServer(0)) {
            int down = Service.freePort();
            int up = light.port("listen");
            builder.client("upstream { sessions = 4, servers = [%s] }"
                    .formatted("{ address = \"127.0.0.1:%d\", weight = 1000 }, \"127.0.0.1:%d\"".formatted(down, up)));
            try (AgentProcess client = builder.startClient(down)) {
                client.awaitLog("session up, server 127.0.0.1:" + up, 4);
                Tunnel.echoes(client);
            }
        }
    }

    /** So long is the pause of a client that has lost its session, unless that was a good one. */
    private static final String NEVER = "upstream.backoff { min = 1h, max = 1h }";

    @Test
    void aStandbyTakesConnectionsWhenTheServerIsGone(@TempDir Path directory) throws Exception {
        Path socket = directory.resolve("client.sock");
        Tunnel.Builder builder =
                Tunnel.to(ECHO).client("upstream.standby = true").client("admin.listen = \"%s\"".formatted(socket));
        try (AgentProcess second = builder.startServer(0);
                AgentProcess first = builder.startServer(0);
                AgentProcess client = builder.client(NEVER).startClient(first.port("listen"), second.port("listen"));
                AdminClient admin = new AdminClient(socket.toString())) {
            client.awaitLog("uplink: session up, server 127.0.0.1:" + first.port("listen"));
            client.awaitLog("standby: session up, server 127.0.0.1:" + second.port("listen"));
            Tunnel.echoes(client);
            first.awaitLog("forward=web .* end: ");
            assertThat(second.log().matching("forward=web")).isEmpty();
            assertThat(ConfigFactory.parseString(admin.get("/status")).getConfigList("sessions"))
                    .extracting(session -> session.getString("state"))
                    .containsExactlyInAnyOrder("up", "standby");
            assertThat(admin.get("/metrics")).contains("culvert_sessions{state=\"standby\"} 1");

            first.kill();
            client.awaitLog("uplink: link to .* lost");
            Tunnel.echoes(client);
            second.awaitLog("forward=web .* end: ");
        }
    }

    @Test
    @Tag("long")
    void aStandbyTakesConnectionsWhileTheServerDoesNotAnswer() throws Exception {
        Tunnel.Builder builder = Tunnel.to(ECHO)
                .client("upstream.standby = true")
                .client("keepalive { interval = 100ms, timeout = 1h }");
        try (AgentProcess first = builder.startServer(0);
                AgentProcess second = builder.startServer(0);
                Link link = new Link(first.port("listen"));
                AgentProcess client = builder.startClient(link.port(), second.port("listen"))) {
            client.awaitLog("uplink: session up, server 127.0.0.1:" + link.port());
            client.awaitLog("standby: session up, server 127.0.0.1:" + second.port("listen"));

            link.fallSilent();
            client.awaitLog("uplink: server 127.0.0.1:" + link.port() + " does not answer");
            Tunnel.echoes(client);
            second.awaitLog("forward=web .* end: ");
            link.speakAgain();
        }
    }
}
