package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A program that sends a name, waits for {@code ok}, sends a file and closes; and agents with little memory. */
@Tag("long")
final class LargeFileTest {
    private static final long SIZE = 1L << 30;

    private record Received(String name, String digest) {}

    @Test
    void aGibibyteArrivesBitForBitThroughAgentsWith64MebibytesOfHeap() throws Exception {
        CompletableFuture<Received> arrival = new CompletableFuture<>();
        Service receiver = Service.of(socket -> {
            InputStream in = socket.getInputStream();
            String name = readLine(in);
            socket.getOutputStream().write(Bytes.ascii("ok\n"));
            arrival.complete(new Received(name, hex(Bytes.digest(in))));
        });
        try (receiver;
                Tunnel tunnel = Tunnel.to(receiver)
                        .each(agent -> agent.asShipped().jvm("-Xmx64m"))
                        .open()) {
            long begun = System.nanoTime();
            MessageDigest sent = Bytes.sha256();
            try (Socket socket = tunnel.connect()) {
                OutputStream out = new DigestOutputStream(socket.getOutputStream(), sent);
                socket.getOutputStream().write(Bytes.ascii("backup.tar\n"));
                assertThat(readLine(socket.getInputStream())).isEqualTo("ok");
                Bytes.source(42, SIZE).transferTo(out);
            }

            Received received = arrival.get(120, TimeUnit.SECONDS);
            double seconds = (System.nanoTime() - begun) / 1e9;
            System.out.printf(
                    "LargeFileTest: 1 GiB in %.1f s, %.0f MB/s; resident: client %d MiB, server %d MiB%n",
                    seconds,
                    SIZE / 1e6 / seconds,
                    tunnel.client().residentBytes() >> 20,
                    tunnel.server().residentBytes() >> 20);
            assertThat(received.name()).isEqualTo("backup.tar");
            assertThat(received.digest()).isEqualTo(hex(sent.digest()));
        }
    }

    private static String hex(byte[] digest) {
        return HexFormat.of().formatHex(digest);
    }

    private static String readLine(InputStream in) throws IOException {
        StringBuilder line = new StringBuilder();
        for (int c = in.read(); c != '\n' && c >= 0; c = in.read()) {
            line.append((char) c);
        }
        return line.toString();
    }
}
