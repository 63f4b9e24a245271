package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.Socket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a client may ask of a server: more has a code, a line of the log, and costs nobody else anything. */
final class QuotaTest {
    private static final Service ECHO = Service.echo();

    @AfterAll
    static void closeEcho() throws IOException {
        ECHO.close();
    }

    /** A tunnel whose client may have so much, with two sessions. */
    private static Tunnel limited(String limits) {
        Tunnel tunnel = Tunnel.to(ECHO)
                .server("clients.tests.limits { " + limits + " }")
                .client("upstream.sessions = 2")
                .open();
        tunnel.client().awaitLog("session up", 2);
        return tunnel;
    }

    /** Opens a connection that is refused, and looks what both logs say. */
    private static void isRefused(Tunnel tunnel, String why) throws IOException {
        assertThat(Tunnel.awaitReset(tunnel.client(), "web").reason()).isEqualTo("reset: limit reached: " + why);
        tunnel.server().awaitLog("(refused a stream of|client=)" + " ?tests@.*limit reached: " + why);
    }

    /** At once, since after a second there may be another. */
    private static void oneOfManyIsRefused(Tunnel tunnel, String why) throws IOException {
        List<Socket> sockets = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            sockets.add(tunnel.connect());
        }
        tunnel.client().awaitLog("forward=web .*end: reset: limit reached: " + why);
        tunnel.server().awaitLog("(refused a stream of|client=)" + " ?tests@.*limit reached: " + why);
        for (Socket socket : sockets) {
            socket.close();
        }
    }

    @Test
    void sessions() throws Exception {
        String why = "client tests has 2 sessions, the most it may have";
        try (Tunnel tunnel = limited("sessions = 2");
                AgentProcess another =
                        Tunnel.to(ECHO).startClient(tunnel.server().port("listen"))) {
            another.awaitLog("no session with .*: limit reached: " + why + "; dialling .* in [1-9]\\d* ms");
            tunnel.server().awaitLog("WARN .*listen: refused tests@127.0.0.1:\\d+: limit reached: " + why);
            tunnel.connectToEcho().close();
        }
    }

    /** Else one client could take the places of all, a session after the other. */
    @Test
    @Tag("long")
    void whoDoesNotReadTheEndOfItsSessionHasOneUntilItsConnectionIsClosed(@TempDir Path directory) throws Exception {
        Keys keys = Keys.make("tunnel-client", directory.resolve("raw.key"));
        Tunnel.Builder builder = Tunnel.to(ECHO)
                .server("clients.raw { key = \"%s\", allow = [\"%s\"], limits.sessions = 1 }"
                        .formatted(keys.fingerprint(), ECHO.address()));
        try (AgentProcess server = builder.startServer(0)) {
            try (RawPeer silent = new RawPeer(keys, server.port("listen"))) {
                silent.send(RawPeer.frame(RawPeer.HELLO, 0));
                silent.await(RawPeer.HELLO);
                silent.send(
                        RawPeer.frame(RawPeer.SYN, 3, (byte) 5, (byte) 0, (byte) 0), // a probe, which brings much
                        RawPeer.frame(RawPeer.FIN, 3));
                silent.await(RawPeer.PSH); // the clock
                silent.await(RawPeer.PSH); // and more than the kernel takes for it follows
                silent.send(RawPeer.frame(RawPeer.HELLO, 0));
                server.awaitLog("session from raw@.* ended: protocol error: a second HELLO");
                assertThat(answer(keys, server)).isEqualTo(RawPeer.CLOSE);
                server.awaitLog("refused raw@.*: limit reached: client raw has 1 sessions, the most it may have");
            }
            await().until(() -> answer(keys, server) == RawPeer.HELLO);
        }
    }

    /** What the server says first to who connects. */
    private static int answer(Keys keys, AgentProcess server) throws Exception {
        try (RawPeer peer = new RawPeer(keys, server.port("listen"))) {
            peer.send(RawPeer.frame(RawPeer.HELLO, 0));
            return peer.await(RawPeer.HELLO, RawPeer.CLOSE).command();
        }
    }

    /** What has no socket takes nobody's place among those that have one. */
    @Test
    @Tag("long")
    void whoComesBackFindsRoomBesideTheSessionsThatAreLost() throws Exception {
        Tunnel.Builder builder = Tunnel.to(ECHO).server("limits { sessions = 2, handshakes = 1 }");
        try (AgentProcess server = builder.startServer(0)) {
            for (int i = 1; i <= 2; i++) {
                try (AgentProcess client = builder.startClient(server.port("listen"))) {
                    client.awaitLog("session up");
                    client.kill();
                    server.awaitLog("session from .* has lost its link", i);
                }
            }
            try (AgentProcess first = builder.startClient(server.port("listen"));
                    AgentProcess second = builder.startClient(server.port("listen"))) {
                first.awaitLog("session up");
                second.awaitLog("session up");
            }
        }
    }

    @Test
    @Tag("long")
    void whoHasComeBackIsCountedAsBefore() throws Exception {
        Tunnel.Builder builder = Tunnel.to(ECHO).server("clients.tests.limits.sessions = 1");
        try (AgentProcess server = builder.startServer(0);
                Link link = new Link(server.port("listen"));
                AgentProcess client = builder.startClient(link.port())) {
            client.awaitLog("session up");
            for (int times = 1; times <= 2; times++) {
                link.fallSilent(); // so that nobody comes back before the server has seen the end
                link.cut();
                server.awaitLog("session from .* has lost its link", times);
                link.speakAgain();
                server.awaitLog("session from .* goes on after", times);
            }
            assertThat(answer(Keys.CLIENT, server)).isEqualTo(RawPeer.CLOSE);
            server.awaitLog("refused tests@.*: limit reached: client tests has 1 sessions, the most it may have");
            Tunnel.echoes(client);
        }
    }

    @Test
    void streamsOfAllSessionsTogether() throws Exception {
        try (Tunnel tunnel = limited("streams = 3")) {
            List<Socket> open = List.of(tunnel.connectToEcho(), tunnel.connectToEcho(), tunnel.connectToEcho());
            isRefused(tunnel, "client tests has 3 streams, the most it may have");

            open.get(0).close();
            tunnel.server().awaitLog("forward=web client=tests@.* end: ");
            for (Socket socket : List.of(open.get(1), open.get(2), tunnel.connectToEcho())) {
                socket.close();
            }
        }
    }

    @Test
    @Tag("long")
    void aConnectionWaitsForAStreamOfASessionThatIsFullAndIsToldSo() throws Exception {
        String why = "the session has as many streams as its server allows (limits.client.streams)";
        try (Tunnel tunnel = Tunnel.to(ECHO)
                        .server("clients.tests.limits.streams = 1")
                        .client("upstream.wait = 1s")
                        .open();
                Socket first = tunnel.connectToEcho()) {
            assertThat(Tunnel.awaitReset(tunnel.client(), "web").reason())
                    .isEqualTo("reset: no stream within upstream.wait: " + why);
            tunnel.client().awaitLog("allows the session 1 streams .limits.client.streams., and it has them");
            first.shutdownOutput();
            tunnel.client().awaitLog("end: closed");
            tunnel.connectToEcho().close();
        }
    }

    @Test
    @Tag("long")
    void dialsInASecond() throws Exception {
        try (Tunnel tunnel = limited("dials-per-second = 1")) {
            oneOfManyIsRefused(tunnel, "client tests has 1 dials in a second, the most it may have");
        }
    }

    @Test
    @Tag("long")
    void opensInASecond() throws Exception {
        try (Tunnel tunnel = limited("opens-per-second = 1, dials-per-second = 1")) {
            try (Socket first = tunnel.connectToEcho()) {
                oneOfManyIsRefused(tunnel, "client tests has 1 streams opened in a second, the most it may have");
                Tunnel.echo(first);
            }
        }
    }

    @Test
    @Tag("long")
    void memory() throws Exception {
        try (Service stalled = Service.stall();
                Tunnel tunnel = Tunnel.to(ECHO)
                        .forward("stalled", stalled)
                        .server("clients.tests.limits.buffer = 2m")
                        .open()) {
            List<Socket> uploads = new ArrayList<>();
            AtomicInteger ended = new AtomicInteger();
            for (int i = 0; i < 24; i++) { // each holds a window of 256 KiB in the server
                Socket socket = tunnel.connect("stalled");
                uploads.add(socket);
                Thread thread = new Thread(() -> upload(socket, ended));
                thread.setDaemon(true);
                thread.start();
            }
            tunnel.server()
                    .awaitLog("forward=stalled client=tests@.* end: reset: limit reached: all sessions together hold"
                            + " more memory than they may, and this stream the most of it");
            await().atMost(AgentProcess.PATIENCE).until(() -> ended.get() > 0);
            tunnel.connectToEcho().close();
            for (Socket socket : uploads) {
                socket.close();
            }
        }
    }

    private static void upload(Socket socket, AtomicInteger ended) {
        try {
            while (true) {
                socket.getOutputStream().write(new byte[64 << 10]);
            }
        } catch (IOException e) {
            ended.incrementAndGet();
        }
    }
}
