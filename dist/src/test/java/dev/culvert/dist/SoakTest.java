package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Very many connections, one session, and nothing left of them. A longer one: {@code mvn verify -Psoak}. */
@Tag("alone")
@Tag("long")
final class SoakTest {
    private static final int CONNECTIONS = Integer.getInteger("culvert.soak.connections", 4_000);
    private static final int WARM_UP = 3_000;
    private static final int THREADS = 8;
    private static final byte[] MESSAGE = Bytes.ascii("a few bytes, as many protocols have them\n");

    /** What is left on the heap may differ by classes loaded late and by what Netty caches for each thread. */
    private static final long HEAP_SLACK = 2 << 20;
    /** Netty takes memory in chunks of up to 8 MiB, for each event loop. */
    private static final long BUFFER_SLACK = 24 << 20;
    /** Code compiled late, and heap that was touched before it was collected. */
    private static final long RESIDENT_SLACK = 96 << 20;

    private static final int DESCRIPTOR_SLACK = 2;
    private static final int THREAD_SLACK = 2;

    /** What an idle agent takes. */
    private record Footprint(long heap, long buffers, long resident, int threads, int descriptors) {
        static Footprint of(AgentProcess agent) {
            long heap = agent.heapAfterGc();
            return new Footprint(
                    heap, agent.bufferBytes(), agent.residentBytes(), agent.threads(), agent.descriptors());
        }

        @Override
        public String toString() {
            return "heap %.1f MiB, buffers %.1f MiB, resident %.1f MiB, %d threads, %d descriptors"
                    .formatted(heap / 1048576.0, buffers / 1048576.0, resident / 1048576.0, threads, descriptors);
        }
    }

    @Test
    void connectionsLeaveNothingBehind() throws Exception {
        try (Service echo = Service.echo();
                Tunnel tunnel = Tunnel.to(echo)
                        .each(agent -> agent.asShipped().jvm("-Xmx128m").forgetEndings())
                        .open()) {
            run(tunnel, WARM_UP);
            List<Footprint> before = footprints(tunnel, echo);

            long begun = System.nanoTime();
            run(tunnel, CONNECTIONS);
            double seconds = (System.nanoTime() - begun) / 1e9;

            List<Footprint> after = footprints(tunnel, echo);
            System.out.printf(
                    "SoakTest: %d connections in %.1f s, %.0f a second%n  client before: %s%n  client after:  %s%n"
                            + "  server before: %s%n  server after:  %s%n",
                    CONNECTIONS,
                    seconds,
                    CONNECTIONS / seconds,
                    before.get(0),
                    after.get(0),
                    before.get(1),
                    after.get(1));
            for (int i = 0; i < before.size(); i++) {
                Footprint was = before.get(i);
                Footprint is = after.get(i);
                assertThat(is.heap() - was.heap()).as("heap").isLessThan(HEAP_SLACK);
                assertThat(is.buffers() - was.buffers()).as("buffers").isLessThanOrEqualTo(BUFFER_SLACK);
                assertThat(is.resident() - was.resident()).as("resident").isLessThan(RESIDENT_SLACK);
                assertThat(is.threads() - was.threads()).as("threads").isLessThanOrEqualTo(THREAD_SLACK);
                assertThat(is.descriptors() - was.descriptors())
                        .as("descriptors")
                        .isLessThanOrEqualTo(DESCRIPTOR_SLACK);
            }
            assertThat(tunnel.server().log().matching("session from .* up"))
                    .as("sessions")
                    .hasSize(1);
        }
    }

    /** Of the client and of the server, when all connections have ended. */
    private static List<Footprint> footprints(Tunnel tunnel, Service echo) {
        await().atMost(AgentProcess.PATIENCE).until(() -> echo.connections() == 0);
        for (AgentProcess agent : tunnel.agents()) {
            await().atMost(AgentProcess.PATIENCE).until(() -> {
                int asked = agent.log().matching("state: ").size();
                agent.signal("USR1");
                return agent.awaitLog("state: .* (\\d+) connections", asked + 1)
                        .group(1)
                        .equals("0");
            });
        }
        return tunnel.agents().stream().map(Footprint::of).toList();
    }

    private static void run(Tunnel tunnel, int connections) throws Exception {
        int port = tunnel.client().port("forwards.web");
        AtomicInteger left = new AtomicInteger(connections);
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        try {
            List<Future<?>> work = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) {
                work.add(threads.submit(() -> {
                    for (int n = left.getAndDecrement(); n > 0; n = left.getAndDecrement()) {
                        visit(port, n);
                    }
                    return null;
                }));
            }
            for (Future<?> each : work) {
                each.get(1, TimeUnit.HOURS);
            }
        } finally {
            threads.shutdownNow();
        }
    }

    /** One connection; they end in the three ways in which connections end. */
    private static void visit(int port, int number) throws IOException {
        try (Socket socket = Tunnel.connectTo(port)) {
            socket.getOutputStream().write(MESSAGE);
            assertThat(Service.readFully(socket.getInputStream(), MESSAGE.length))
                    .isEqualTo(MESSAGE);
            switch (number % 3) {
                case 0 -> socket.setSoLinger(true, 0);
                case 1 -> {
                    socket.shutdownOutput();
                    assertThat(socket.getInputStream().read()).isNegative();
                }
                default -> {} // just closed
            }
        }
    }
}
