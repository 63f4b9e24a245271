package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.ConnectException;
import java.net.Socket;
import java.net.SocketException;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Told to stop, an agent lets finish what is open and takes nothing new. */
final class DrainTest {
    private static final Service TRANSFER = Transfers.service();
    private static final Service ECHO = Service.echo();

    @AfterAll
    static void close() throws IOException {
        TRANSFER.close();
        ECHO.close();
    }

    @Test
    void aClientFinishesFiftyTransfersAtSigterm() throws Exception {
        try (Tunnel tunnel = Tunnel.to(TRANSFER).open();
                Transfers transfers = Transfers.halfDone(tunnel.client(), 50)) {
            int port = tunnel.client().port("forwards.web");

            tunnel.client().terminate();

            tunnel.client().awaitLog("draining: 50 connections left");
            assertThatThrownBy(() -> Tunnel.connectTo(port)).isInstanceOf(ConnectException.class);
            transfers.finish();
            assertThat(tunnel.client().awaitExit()).isZero();
        }
    }

    @Test
    void aServerFinishesFiftyTransfersAtSigterm() throws Exception {
        try (Tunnel tunnel = Tunnel.to(TRANSFER).open();
                Transfers transfers = Transfers.halfDone(tunnel.client(), 50)) {
            int port = tunnel.server().port("listen");

            tunnel.server().terminate();

            tunnel.server().awaitLog("draining: 50 connections left");
            assertThatThrownBy(() -> Tunnel.connectTo(port)).isInstanceOf(ConnectException.class);
            transfers.finish();
            assertThat(tunnel.server().awaitExit()).isZero();
        }
    }

    @Test
    void aTransferThatOutlastsTheDeadlineIsResetAndNamed() throws Exception {
        try (Tunnel tunnel = Tunnel.to(ECHO).client("drain.timeout = 1s").open();
                Socket socket = tunnel.connectToEcho()) {
            tunnel.client().signal("INT");

            assertThatThrownBy(() -> socket.getInputStream().read())
                    .isInstanceOf(SocketException.class)
                    .hasMessageContaining("reset");
            assertThat(tunnel.client().awaitExit()).isEqualTo(3);
            String id = tunnel.client().awaitEnding("web", socket).id();
            tunnel.client().awaitLog("WARN .*the drain deadline of 1000 ms has passed: resetting " + id + " ");
            assertThat(tunnel.server().awaitEnding("web", socket).reason()).contains("drain deadline");
        }
    }

    @Test
    void theSecondSignalEndsItAtOnce() throws Exception {
        try (Tunnel tunnel = Tunnel.to(ECHO).open();
                Socket socket = tunnel.connectToEcho()) {
            tunnel.server().terminate();
            tunnel.server().awaitLog("draining: 1 connections left");
            long begun = System.nanoTime();

            tunnel.server().terminate();

            assertThat(tunnel.server().awaitExit()).isEqualTo(3);
            assertThat(Duration.ofNanos(System.nanoTime() - begun)).isLessThan(Duration.ofSeconds(10));
            assertThatThrownBy(() -> socket.getInputStream().read()).isInstanceOf(SocketException.class);
        }
    }

    @Test
    @Tag("long")
    void drainIdleEndsTheConnectionsThatAreSilentAndNoOthers() throws Exception {
        try (Tunnel tunnel = Tunnel.to(ECHO).client("drain.idle = 5s").open();
                Socket silent = tunnel.connectToEcho();
                Socket busy = tunnel.connectToEcho()) {
            tunnel.client().terminate();

            while (tunnel.client().log().first("client=127.0.0.1:" + silent.getLocalPort() + " .* end:") == null) {
                Tunnel.echo(busy);
            }
            assertThat(tunnel.client().awaitEnding("web", silent).reason()).contains("idle for 5000 ms while draining");
            Tunnel.echo(busy);
            busy.shutdownOutput();
            assertThat(busy.getInputStream().read()).isNegative();
            assertThat(tunnel.client().awaitExit()).isZero();
        }
    }

    @Test
    void aLinkThatIsLostWhileTheClientDrainsIsReplaced() throws Exception {
        try (AgentProcess server = Tunnel.to(ECHO).startServer(0);
                Link link = new Link(server.port("listen"));
                AgentProcess client = Tunnel.to(ECHO).startClient(link.port());
                Socket socket = Tunnel.connect(client, "web")) {
            Tunnel.echo(socket);
            client.terminate();
            client.awaitLog("draining: 1 connections left");

            for (int times = 1; times <= 3; times++) {
                link.cut();
                client.awaitLog("session to .* goes on after", times);
                Tunnel.echo(socket);
            }
            socket.shutdownOutput();
            assertThat(socket.getInputStream().read()).isNegative();
            assertThat(client.awaitExit()).isZero();
        }
    }

    @Test
    void aServerThatDrainsDoesNotWaitForASessionThatHasLostItsLink() throws Exception {
        try (Tunnel tunnel = Tunnel.to(ECHO).open();
                Socket socket = tunnel.connect()) {
            Tunnel.echo(socket);
            tunnel.client().kill();
            tunnel.server().awaitLog("session from .* has lost its link, 1 connections wait");

            tunnel.server().terminate();

            endsForNobodyCanComeBack(tunnel.server());
        }
    }

    @Test
    void aServerThatDrainsDoesNotWaitForASessionThatLosesItsLinkThen() throws Exception {
        try (Tunnel tunnel = Tunnel.to(ECHO).open();
                Socket socket = tunnel.connect()) {
            Tunnel.echo(socket);
            tunnel.server().terminate();
            tunnel.server().awaitLog("draining: 1 connections left");

            tunnel.client().kill();

            endsForNobodyCanComeBack(tunnel.server());
        }
    }

    /** Not at the drain deadline, after which the exit code is another. */
    private static void endsForNobodyCanComeBack(AgentProcess server) {
        assertThat(server.awaitExit()).isZero();
        server.awaitLog("session from .* ended: .*: the link is lost, and this agent is shutting down");
    }

    @Tag("long")
    @Test
    void newStreamsGoToTheNextServerWhileTheOldOnesFinish() throws Exception {
        Tunnel.Builder builder = Tunnel.to(ECHO);
        try (AgentProcess first = builder.startServer(0);
                AgentProcess second = builder.startServer(0);
                AgentProcess client = builder.startClient(first.port("listen"), second.port("listen"))) {
            client.awaitLog("session up, server 127.0.0.1:" + first.port("listen"));
            try (Socket old = Tunnel.connect(client, "web")) {
                Tunnel.echo(old);
                first.terminate();
                client.awaitLog("session up, server 127.0.0.1:" + second.port("listen"));

                try (Socket young = Tunnel.connect(client, "web")) {
                    Tunnel.echo(young);
                    Tunnel.echo(old);
                    young.shutdownOutput();
                    assertThat(young.getInputStream().read()).isNegative();
                    assertThat(second.awaitEnding("web", young).reason()).isEqualTo("closed");
                }
                old.shutdownOutput();
                assertThat(old.getInputStream().read()).isNegative();
                assertThat(first.awaitEnding("web", old).reason()).isEqualTo("closed");
            }
            assertThat(first.awaitExit()).isZero();
        }
    }
}
