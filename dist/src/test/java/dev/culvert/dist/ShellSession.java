package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;

/**
 * Somebody at a shell behind a tunnel, in which a loop counts. What the shell writes is kept, with the moment of each
 * line.
 */
final class ShellSession implements AutoCloseable {
    private final Socket socket = new Socket();
    private final Log log;
    private volatile long heard = System.nanoTime();
    private volatile long silence;

    /** Begins to count, five times a second. */
    ShellSession(InetSocketAddress forward) throws IOException {
        socket.setTcpNoDelay(true);
        socket.connect(forward);
        log = new Log("shell", socket.getInputStream(), line -> {
            long now = System.nanoTime();
            silence = Math.max(silence, now - heard);
            heard = now;
            return true;
        });
        type("i=0; while :; do i=$((i+1)); echo count $i; sleep 0.2; done &");
    }

    /** A line, which may arrive later. */
    void type(String line) throws IOException {
        socket.getOutputStream().write((line + "\n").getBytes(StandardCharsets.US_ASCII));
    }

    void awaitLine(String line) {
        log.await("^" + line + "$", 1, AgentProcess.PATIENCE);
    }

    /** How often the shell has written this line. */
    int count(String line) {
        return log.matching("^" + line + "$").size();
    }

    /** How far the loop has come, as far as one can see. */
    int counted() {
        return log.matching("^count ").size();
    }

    /** Waits until the loop is seen to go on, and fails if a number is missing or there twice. */
    void goesOn() {
        int so = counted();
        await().atMost(AgentProcess.PATIENCE).until(() -> counted() > so + 5);
        List<String> lines = log.matching("^count ");
        for (int i = 0; i < lines.size(); i++) {
            assertThat(lines.get(i)).isEqualTo("count " + (i + 1));
        }
    }

    /** The longest time without a line. */
    Duration silence() {
        return Duration.ofNanos(silence);
    }

    /** Ends the shell, and the loop with it. */
    @Override
    public void close() throws IOException {
        type("kill $!; exit");
        log.awaitEnd();
        socket.close();
    }
}
