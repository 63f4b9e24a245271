package dev.culvert.dist;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.util.concurrent.TimeUnit;

/** A program that listens on a port of loopback. */
final class Daemon implements AutoCloseable {
    private final Process process;
    private final Log log;

    private Daemon(Process process, Log log) {
        this.process = process;
        this.log = log;
    }

    /** Starts it, and waits until somebody answers on the port. */
    static Daemon start(int port, String... command) throws IOException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        Daemon daemon = new Daemon(process, new Log(command[0], process.getInputStream()));
        try {
            await().atMost(AgentProcess.PATIENCE).until(() -> {
                if (!process.isAlive()) {
                    throw new AssertionError(command[0] + " has ended: " + daemon.log);
                }
                return answers(port);
            });
        } catch (Throwable e) {
            daemon.close();
            throw e;
        }
        return daemon;
    }

    private static boolean answers(int port) {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
            return socket.isConnected();
        } catch (IOException e) {
            return false;
        }
    }

    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(10, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
        }
    }
}
