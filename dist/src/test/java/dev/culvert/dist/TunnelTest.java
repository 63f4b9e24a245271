package dev.culvert.dist;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.culvert.dist.AgentProcess.Ending;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.net.SocketException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What happens to one TCP connection happens to the other one. */
final class TunnelTest {
    private static final long BULK = 64 << 20;

    private static final Service ECHO = Service.echo();
    private static final Service GREETING = Service.greeting(Bytes.ascii("220 ready\r\n"));
    private static final Service DIGEST = Service.digest();
    private static final Service SOURCE = Service.source();
    private static final Service RESET = Service.reset();
    /** Waits for the end of what it reads; then, and not before, it answers. */
    private static final Service AFTERWARDS = Service.of(socket -> {
        byte[] question = socket.getInputStream().readAllBytes();
        OutputStream out = socket.getOutputStream();
        for (int i = 0; i < 100; i++) {
            out.write(question);
            out.write(i);
            out.flush();
        }
    });
    /** Ends its own direction first, then reads to the end and tells how much that was. */
    private static final CompletableFuture<Integer> HEARD = new CompletableFuture<>();

    private static final Service LISTENER = Service.of(socket -> {
        socket.getOutputStream().write('x');
        socket.shutdownOutput();
        HEARD.complete(socket.getInputStream().readAllBytes().length);
    });
    private static final CompletableFuture<IOException> CUT_OFF = new CompletableFuture<>();
    private static final Service VICTIM = Service.of(socket -> {
        try {
            socket.getOutputStream().write('x');
            while (socket.getInputStream().read() >= 0) {
                // until it ends one way or the other
            }
            CUT_OFF.complete(new IOException("EOF"));
        } catch (IOException e) {
            CUT_OFF.complete(e);
        }
    });

    /** Says something, and resets the connection. */
    private static final Service DISMISSIVE = Service.of(socket -> {
        socket.setSoLinger(true, 0);
        socket.getInputStream().read();
        socket.getOutputStream().write(new byte[1000]);
    });
    /** How many bytes came to each connection before it was reset. */
    private static final BlockingQueue<Integer> TAILS = new LinkedBlockingQueue<>();

    private static final Service TAIL = Service.of(socket -> {
        int bytes = 0;
        try {
            socket.getOutputStream().write('x');
            while (socket.getInputStream().read() >= 0) {
                bytes++;
            }
        } finally {
            TAILS.add(bytes);
        }
    });

    private static Tunnel tunnel;

    @BeforeAll
    static void open() throws IOException {
        tunnel = Tunnel.to(ECHO)
                .forward("greeting", GREETING)
                .forward("digest", DIGEST)
                .forward("source", SOURCE)
                .forward("reset", RESET)
                .forward("afterwards", AFTERWARDS)
                .forward("listener", LISTENER)
                .forward("victim", VICTIM)
                .forward("dismissive", DISMISSIVE)
                .forward("tail", TAIL)
                .forward("few", ECHO)
                .client("forwards.few.max-connections = 2")
                .forward("refused", "127.0.0.1:" + Service.freePort())
                .allow("127.0.0.1:1-65535")
                .forward("nameless", "no-such-host.invalid:80")
                .allow("no-such-host.invalid:80")
                .forward("forbidden", "127.0.0.2:80")
                .open();
    }

    @AfterAll
    static void close() throws IOException {
        tunnel.close();
        for (Service service :
                List.of(ECHO, GREETING, DIGEST, SOURCE, RESET, AFTERWARDS, LISTENER, VICTIM, DISMISSIVE, TAIL)) {
            service.close();
        }
    }

    @Test
    void bytesComeBackFromAnEcho() throws IOException {
        try (Socket socket = tunnel.connect()) {
            socket.getOutputStream().write(Bytes.ascii("hello"));

            assertThat(Service.readFully(socket.getInputStream(), 5)).isEqualTo(Bytes.ascii("hello"));
        }
    }

    @Test
    void aServerThatSpeaksFirstIsHeard() throws IOException {
        try (Socket socket = tunnel.connect("greeting")) {
            assertThat(Service.readFully(socket.getInputStream(), 11))
                    .asString(US_ASCII)
                    .isEqualTo("220 ready\r\n");
        }
    }

    @Test
    void sixtyFourMebibytesArriveAtTheTargetInOrder() throws IOException {
        try (Socket socket = tunnel.connect("digest")) {
            Bytes.source(7, BULK).transferTo(socket.getOutputStream());
            socket.shutdownOutput();

            assertThat(Service.readFully(socket.getInputStream(), 32)).isEqualTo(Bytes.digest(Bytes.source(7, BULK)));
        }
    }

    @Test
    void sixtyFourMebibytesArriveFromTheTargetInOrder() throws IOException {
        try (Socket socket = tunnel.connect("source")) {
            socket.getOutputStream().write(Bytes.ofLong(BULK));

            assertThat(Bytes.digest(socket.getInputStream())).isEqualTo(Bytes.digest(Bytes.source(BULK, BULK)));
        }
    }

    @Test
    void bothDirectionsFlowAtTheSameTime() throws Exception {
        try (Socket socket = tunnel.connect()) {
            CompletableFuture<Void> sender = CompletableFuture.runAsync(() -> send(socket, 8, BULK));

            assertThat(Bytes.digest(socket.getInputStream())).isEqualTo(Bytes.digest(Bytes.source(8, BULK)));
            sender.get(30, TimeUnit.SECONDS);
        }
    }

    private static void send(Socket socket, long seed, long count) {
        try {
            Bytes.source(seed, count).transferTo(socket.getOutputStream());
            socket.shutdownOutput();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void anAnswerThatComesAfterTheQuestionsEndArrivesWhole() throws IOException {
        try (Socket socket = tunnel.connect("afterwards")) {
            socket.getOutputStream().write('x');
            socket.shutdownOutput();

            assertThat(socket.getInputStream().readAllBytes()).hasSize(200).startsWith('x', 0, 'x', 1);
        }
    }

    @Test
    void aTargetThatHasFinishedStillHearsTheRest() throws Exception {
        try (Socket socket = tunnel.connect("listener")) {
            assertThat(socket.getInputStream().readAllBytes()).hasSize(1);
            socket.getOutputStream().write(new byte[100_000]);
        }

        assertThat(HEARD.get(30, TimeUnit.SECONDS)).isEqualTo(100_000);
    }

    @Test
    void aResetByTheTargetIsAResetForTheClient() throws IOException {
        try (Socket socket = tunnel.connect("reset")) {
            socket.getOutputStream().write('x');

            assertThatThrownBy(() -> socket.getInputStream().read())
                    .isInstanceOf(SocketException.class)
                    .hasMessageContaining("reset");
            assertThat(tunnel.server().awaitEnding("reset", socket).reason()).startsWith("reset by the socket");
        }
    }

    @Test
    void aResetByTheClientIsAResetForTheTarget() throws Exception {
        try (Socket socket = tunnel.connect("victim")) {
            assertThat(socket.getInputStream().read()).isEqualTo('x');
            socket.setSoLinger(true, 0);
        }

        assertThat(CUT_OFF.get(30, TimeUnit.SECONDS))
                .isInstanceOf(SocketException.class)
                .hasMessageContaining("reset");
    }

    /**
     * As on TCP, where what is in the receive buffer outlives the reset: a server that turns somebody down says why,
     * and goes.
     */
    @Test
    void whatIsSaidJustBeforeAResetArrives() throws IOException {
        for (int i = 0; i < 100; i++) {
            try (Socket socket = tunnel.connect("dismissive")) {
                socket.getOutputStream().write(new byte[10]);

                assertThat(Service.readFully(socket.getInputStream(), 1000)).hasSize(1000);
                assertThatThrownBy(() -> socket.getInputStream().read()).isInstanceOf(SocketException.class);
            }
        }
    }

    /** It does not read, so the tunnel has still to write when it goes. */
    @Test
    void whyAnUploadIsTurnedDownArrives() throws IOException {
        for (int i = 0; i < 20; i++) {
            try (Socket socket = tunnel.connect("dismissive")) {
                Thread upload = new Thread(() -> {
                    try {
                        socket.getOutputStream().write(new byte[16 << 20]);
                    } catch (IOException e) {
                        // turned down
                    }
                });
                upload.start();

                assertThat(Service.readFully(socket.getInputStream(), 1000)).hasSize(1000);
            }
        }
    }

    @Test
    void whatTheClientSaysJustBeforeItsResetArrives() throws Exception {
        for (int i = 0; i < 100; i++) {
            try (Socket socket = tunnel.connect("tail")) {
                assertThat(socket.getInputStream().read()).isEqualTo('x');
                socket.getOutputStream().write(new byte[1000]);
                socket.setSoLinger(true, 0);
            }
            assertThat(TAILS.poll(30, TimeUnit.SECONDS)).isEqualTo(1000);
        }
    }

    @Test
    void aRefusedDialResetsTheConnectionAndBothLogsSayWhy() throws IOException {
        Ending onClient = Tunnel.awaitReset(tunnel.client(), "refused");

        assertThat(onClient.reason()).startsWith("reset: ").contains("connection refused");
        assertThat(onServer(onClient).reason()).contains("connection refused").contains(onClient.target());
    }

    @Test
    void aNameThatDoesNotResolveResetsTheConnectionAndBothLogsSayWhy() throws IOException {
        Ending onClient = Tunnel.awaitReset(tunnel.client(), "nameless");

        assertThat(onClient.reason()).contains("name not found");
        assertThat(onServer(onClient).reason()).contains("name not found").contains("no-such-host.invalid");
    }

    @Test
    void aForbiddenTargetResetsTheConnectionAndBothLogsSayWhy() throws IOException {
        Ending onClient = Tunnel.awaitReset(tunnel.client(), "forbidden");

        assertThat(onClient.reason()).contains("forbidden").contains("127.0.0.2:80");
        assertThat(onServer(onClient).reason()).contains("forbidden").contains("127.0.0.2:80");
    }

    /** The server's line for the same connection. */
    private static Ending onServer(Ending onClient) {
        Ending onServer = tunnel.server()
                .awaitEnding(
                        onClient.forward(), Integer.parseInt(onClient.client().replace("127.0.0.1:", "")));
        assertThat(onServer.id()).isEqualTo(onClient.id());
        return onServer;
    }

    @Test
    void bothLogsHaveOneLineForAConnection() throws IOException {
        int port;
        try (Socket socket = tunnel.connect("afterwards")) {
            port = socket.getLocalPort();
            socket.getOutputStream().write('x');
            socket.shutdownOutput();
            socket.getInputStream().readAllBytes();
        }

        Ending onClient = tunnel.client().awaitEnding("afterwards", port);
        Ending onServer = onServer(onClient);
        assertThat(onClient)
                .isEqualTo(new Ending(
                        onServer.id(),
                        "afterwards",
                        "127.0.0.1:" + port,
                        AFTERWARDS.address(),
                        1,
                        200,
                        onClient.ms(),
                        "closed"));
        assertThat(onServer)
                .isEqualTo(new Ending(
                        onClient.id(),
                        "afterwards",
                        "tests@127.0.0.1:" + port,
                        AFTERWARDS.address(),
                        200,
                        1,
                        onServer.ms(),
                        "closed"));
        for (AgentProcess agent : tunnel.agents()) {
            assertThat(agent.log().matching("\\b" + onClient.id() + "\\b")).hasSize(1);
        }
    }

    @Test
    void aConnectionBeyondTheMostWaitsForOneToEnd() throws Exception {
        try (Socket first = tunnel.connect("few");
                Socket second = tunnel.connect("few");
                Socket third = tunnel.connect("few")) {
            Tunnel.echo(first);
            Tunnel.echo(second);
            third.getOutputStream().write('x');
            tunnel.client().awaitLog("forwards.few: 2 connections are open, the most it may have");
            third.setSoTimeout(500);
            assertThatThrownBy(() -> third.getInputStream().read()).hasMessageContaining("timed out");

            first.shutdownOutput();

            third.setSoTimeout(30_000);
            assertThat(third.getInputStream().read()).isEqualTo('x');
        }
    }

    /** As where programs may not be run from the directory for temporary files. */
    @Test
    void withoutNettysNativeLibraryItGoesAsWell() throws IOException {
        try (Tunnel slower = Tunnel.to(ECHO)
                        .each(agent -> agent.jvm("-Dio.netty.transport.noNative=true"))
                        .open();
                Socket socket = slower.connect()) {
            Tunnel.echo(socket);
            socket.shutdownOutput();
            assertThat(socket.getInputStream().read()).isNegative();
            slower.agents()
                    .forEach(agent ->
                            agent.awaitLog("WARN  slower, .* native epoll library cannot be loaded: .*workdir"));
        }
    }

    @Tag("long")
    @Test
    void fourSessionsShareTheConnections() throws IOException {
        try (Tunnel four = Tunnel.to(ECHO).client("upstream.sessions = 4").open()) {
            four.server().awaitLog("session from .* up", 4);
            four.client().awaitLog("session up", 4);
            List<Socket> sockets = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                sockets.add(four.connect());
                Tunnel.echo(sockets.get(i));
            }

            for (AgentProcess agent : four.agents()) {
                agent.signal("USR1");
                await().atMost(Duration.ofSeconds(10))
                        .untilAsserted(() -> assertThat(agent.log().matching("session, culvert \\(0x82\\), 2 streams"))
                                .hasSize(4));
            }
            for (Socket socket : sockets) {
                socket.close();
            }
        }
    }
}
