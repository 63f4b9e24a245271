package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.net.Socket;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** The same thing, again and again, that has to work each time. */
final class Load implements AutoCloseable {
    private final AtomicInteger done = new AtomicInteger();
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    private final Thread thread;
    private volatile boolean stop;

    /** What is done. */
    @FunctionalInterface
    interface Once {
        void run() throws Exception;
    }

    Load(Once once) {
        thread = new Thread(() -> {
            try {
                while (!stop) {
                    once.run();
                    done.incrementAndGet();
                }
            } catch (Exception | AssertionError e) {
                failure.set(e);
            }
        });
        thread.start();
    }

    /** Connections to the forward {@code web} of a client, which leads to an echo. */
    Load(AgentProcess client) {
        this(connecting(client.port("forwards.web")));
    }

    private static Once connecting(int port) {
        return () -> {
            try (Socket socket = Tunnel.connectTo(port)) {
                for (int i = 0; i < 20; i++) {
                    Tunnel.echo(socket);
                }
                socket.shutdownOutput();
                assertThat(socket.getInputStream().read()).isEqualTo(-1);
            }
        };
    }

    /** How often it has worked. */
    int done() {
        return done.get();
    }

    @Nullable Throwable failure() {
        return failure.get();
    }

    /** Waits until it has worked a few times more, or has not. */
    void goesOn() {
        int so = done();
        await().atMost(AgentProcess.PATIENCE).until(() -> done() > so + 10 || failure() != null);
        assertThat(failure()).isNull();
    }

    /** Lets the last time end, and fails unless it and all before it have worked. */
    void end() {
        stop = true;
        await().atMost(AgentProcess.PATIENCE).until(() -> !thread.isAlive());
        assertThat(failure()).isNull();
    }

    @Override
    public void close() {
        end();
    }
}
