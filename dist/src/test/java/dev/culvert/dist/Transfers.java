package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import java.net.Socket;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** Uploads of which one half has arrived, and that wait before they send the other. */
final class Transfers implements AutoCloseable {
    private static final int HALF = 512 << 10;

    private final ExecutorService threads;
    private final List<Future<byte[]>> answers = new ArrayList<>();
    private final CountDownLatch halfDone;
    private final CountDownLatch go = new CountDownLatch(1);

    private Transfers(int count) {
        threads = Executors.newFixedThreadPool(count);
        halfDone = new CountDownLatch(count);
    }

    /** Where they go: it says when it has read one half, and at the end it answers with the checksum. */
    static Service service() {
        return Service.of(socket -> {
            MessageDigest digest = Bytes.sha256();
            digest.update(Service.readFully(socket.getInputStream(), HALF));
            socket.getOutputStream().write('h');
            digest.update(socket.getInputStream().readAllBytes());
            socket.getOutputStream().write(digest.digest());
        });
    }

    /** Begins so many through the forward {@code web} of a client. */
    static Transfers halfDone(AgentProcess client, int count) throws InterruptedException {
        return halfDone(client, "web", count);
    }

    static Transfers halfDone(AgentProcess client, String forward, int count) throws InterruptedException {
        Transfers transfers = new Transfers(count);
        for (int i = 0; i < count; i++) {
            int seed = i;
            transfers.answers.add(transfers.threads.submit(() -> transfers.run(client, forward, seed)));
        }
        assertThat(transfers.halfDone.await(30, TimeUnit.SECONDS)).isTrue();
        return transfers;
    }

    private byte[] run(AgentProcess client, String forward, int seed) throws Exception {
        try (Socket socket = Tunnel.connect(client, forward)) {
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
        for (int seed = 0; seed < answers.size(); seed++) {
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
