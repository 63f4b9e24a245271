package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.Socket;
import java.net.SocketException;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Told to stop, an agent lets finish what is open and takes nothing new. */
final class DrainTest {
    private static final int TRANSFERS = 50;
    private static final int HALF = 512 << 10;

    /** Says when it has read one half of a transfer; at its end it answers with the checksum. */
    private static final Service TRANSFER = Service.of(socket -> {
        MessageDigest digest = Bytes.sha256();
        digest.update(Service.readFully(socket.getInputStream(), HALF));
        socket.getOutputStream().write('h');
        digest.update(socket.getInputStream().readAllBytes());
        socket.getOutputStream().write(digest.digest());
    });

    private static final Service ECHO = Service.echo();

    @AfterAll
    static void close() throws IOException {
        TRANSFER.close();
        ECHO.close();
    }

    @Test
    void aClientFinishesFiftyTransfersAtSigterm() throws Exception {
        try (Tunnel tunnel = Tunnel.to(TRANSFER).open();
                Transfers transfers = Transfers.halfDone(tunnel)) {
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
                Transfers transfers = Transfers.halfDone(tunnel)) {
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
                Socket socket = echoing(tunnel)) {
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
                Socket socket = echoing(tunnel)) {
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
    void drainIdleEndsTheConnectionsThatAreSilentAndNoOthers() throws Exception {
        try (Tunnel tunnel = Tunnel.to(ECHO).client("drain.idle = 1s").open();
                Socket silent = echoing(tunnel);
                Socket busy = echoing(tunnel)) {
            tunnel.client().terminate();

            while (tunnel.client().log().first("client=127.0.0.1:" + silent.getLocalPort() + " .* end:") == null) {
                echo(busy);
            }
            assertThat(tunnel.client().awaitEnding("web", silent).reason()).contains("idle for 1000 ms while draining");
            echo(busy);
            busy.shutdownOutput();
            assertThat(busy.getInputStream().read()).isNegative();
            assertThat(tunnel.client().awaitExit()).isZero();
        }
    }

    @Test
    void newStreamsGoToTheNextServerWhileTheOldOnesFinish() throws Exception {
        Tunnel.Builder builder = Tunnel.to(ECHO);
        try (AgentProcess first = builder.startServer(0);
                AgentProcess second = builder.startServer(0);
                AgentProcess client = builder.startClient(first.port("listen"), second.port("listen"))) {
            client.awaitLog("session up, server 127.0.0.1:" + first.port("listen"));
            try (Socket old = Tunnel.connect(client, "web")) {
                echo(old);
                first.terminate();
                client.awaitLog("session up, server 127.0.0.1:" + second.port("listen"));

                try (Socket young = Tunnel.connect(client, "web")) {
                    echo(young);
                    echo(old);
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

    private static Socket echoing(Tunnel tunnel) throws IOException {
        Socket socket = tunnel.connect();
        echo(socket);
        return socket;
    }

    private static void echo(Socket socket) throws IOException {
        socket.getOutputStream().write('x');
        assertThat(socket.getInputStream().read()).isEqualTo('x');
    }

    /** Uploads of which one half has arrived, and that wait before they send the other. */
    private static final class Transfers implements AutoCloseable {
        private final ExecutorService threads = Executors.newFixedThreadPool(TRANSFERS);
        private final List<Future<byte[]>> answers = new ArrayList<>();
        private final CountDownLatch halfDone = new CountDownLatch(TRANSFERS);
        private final CountDownLatch go = new CountDownLatch(1);

        static Transfers halfDone(Tunnel tunnel) throws InterruptedException {
            Transfers transfers = new Transfers();
            for (int i = 0; i < TRANSFERS; i++) {
                int seed = i;
                transfers.answers.add(transfers.threads.submit(() -> transfers.run(tunnel, seed)));
            }
            assertThat(transfers.halfDone.await(30, TimeUnit.SECONDS)).isTrue();
            return transfers;
        }

        private byte[] run(Tunnel tunnel, int seed) throws Exception {
            try (Socket socket = tunnel.connect()) {
                InputStream source = Bytes.source(seed, 2L * HALF);
                socket.getOutputStream().write(source.readNBytes(HALF));
                assertThat(socket.getInputStream().read()).isEqualTo('h');
                halfDone.countDown();
                go.await();
                source.transferTo(socket.getOutputStream());
                socket.shutdownOutput();
                return Service.readFully(socket.getInputStream(), 32);
            }
        }

        /** Sends the rest and compares the checksums. */
        void finish() throws Exception {
            go.countDown();
            for (int seed = 0; seed < TRANSFERS; seed++) {
                MessageDigest expected = Bytes.sha256();
                expected.update(Bytes.source(seed, 2L * HALF).readAllBytes());
                assertThat(answers.get(seed).get(30, TimeUnit.SECONDS)).isEqualTo(expected.digest());
            }
        }

        @Override
        public void close() {
            threads.shutdownNow();
        }
    }
}
