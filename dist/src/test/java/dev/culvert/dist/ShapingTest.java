package dev.culvert.dist;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertAll;

import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Rates hold for the bytes that programs see, and who shares one gets as much as the others. */
final class ShapingTest {
    private static final long MIB = 1 << 20;
    private static final Percentage TOLERANCE = Percentage.withPercentage(5);
    /** Jain's index: 1 where all have the same. */
    private static final double FAIR = 0.98;

    private final List<AutoCloseable> toClose = new ArrayList<>();

    @AfterEach
    void close() throws Exception {
        for (int i = toClose.size() - 1; i >= 0; i--) {
            toClose.get(i).close();
        }
    }

    private <T extends AutoCloseable> T closing(T one) {
        toClose.add(one);
        return one;
    }

    /** Counts what arrives by each of some connections. */
    private static final class Meter {
        private final String what;
        private final List<AtomicLong> streams = new CopyOnWriteArrayList<>();
        private long[] before = {};
        private long since;

        Meter(String what) {
            this.what = what;
        }

        void read(Socket socket) throws IOException {
            AtomicLong count = new AtomicLong();
            streams.add(count);
            byte[] block = new byte[64 << 10];
            InputStream in = socket.getInputStream();
            for (int n = in.read(block); n >= 0; n = in.read(block)) {
                count.addAndGet(n);
            }
        }

        void begin() {
            before = counts();
            since = System.nanoTime();
        }

        private long[] counts() {
            return streams.stream().mapToLong(AtomicLong::get).toArray();
        }

        /** Bytes a second since {@link #begin}, for each. */
        DoubleStream rates() {
            long[] counts = counts();
            double seconds = (System.nanoTime() - since) / 1e9;
            return IntStream.range(0, before.length).mapToDouble(i -> (counts[i] - before[i]) / seconds);
        }
    }

    /** Fails unless these had this rate together since {@link Meter#begin}, in equal parts. */
    private static void expect(long rate, Meter... meters) {
        String what = Stream.of(meters).map(meter -> meter.what).collect(joining(" and "));
        double[] rates = Stream.of(meters).flatMapToDouble(Meter::rates).toArray();
        double sum = DoubleStream.of(rates).sum();
        double fairness = sum
                * sum
                / (rates.length * DoubleStream.of(rates).map(one -> one * one).sum());
        System.out.printf(
                "%s, %d connections: %.3f MiB/s of %.3f, Jain's index %.4f%n",
                what, rates.length, sum / MIB, (double) rate / MIB, fairness);
        assertThat(sum).as(what).isCloseTo((double) rate, TOLERANCE);
        assertThat(fairness).as(what + ", Jain's index").isGreaterThan(FAIR);
    }

    /** Connections in both directions by forwards {@code NAME-up} and {@code NAME-down}, with as much as these can carry. */
    private final class Traffic {
        private final String name;
        private final Meter up;
        private final Meter down;
        private final Service sink;
        private final Service flood = closing(Service.flood());

        Traffic(String name) {
            this.name = name;
            up = new Meter(name + " up");
            down = new Meter(name + " down");
            sink = closing(Service.of(up::read));
        }

        void forwards(Tunnel.Builder tunnel) {
            tunnel.forward(name + "-up", sink).forward(name + "-down", flood);
        }

        void begin(AgentProcess client, int connections) throws IOException {
            for (int i = 0; i < connections; i++) {
                Socket upload = closing(Tunnel.connect(client, name + "-up"));
                start(() -> {
                    byte[] block = new byte[64 << 10];
                    while (true) {
                        upload.getOutputStream().write(block);
                    }
                });
                Socket download = closing(Tunnel.connect(client, name + "-down"));
                start(() -> down.read(download));
            }
            await().atMost(AgentProcess.PATIENCE)
                    .until(() -> up.streams.size() == connections && down.streams.size() == connections);
        }

        /** An own limit for each direction, at the client. */
        String limits(String rate) {
            return "forwards { %s-up.rate.up = %s, %s-down.rate.down = %s }".formatted(name, rate, name, rate);
        }
    }

    @FunctionalInterface
    private interface Work {
        void run() throws IOException;
    }

    private static void start(Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (IOException e) {
                // the test is over
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    private static void measure(long millis, List<Meter> meters, Runnable then) throws InterruptedException {
        Thread.sleep(1000); // until windows and sockets are full
        meters.forEach(Meter::begin);
        Thread.sleep(millis);
        then.run();
    }

    @Test
    void ratesHoldForOneConnectionAndForFiftyOnEitherSideAndChangeAtReload() throws Exception {
        // At the client: a limit for each forward. At the server: one for the client, and one for who is not known
        // there.
        Traffic one = new Traffic("one");
        Traffic many = new Traffic("many");
        Traffic others = new Traffic("others");
        Traffic known = new Traffic("known");
        Tunnel.Builder limiting = Tunnel.builder();
        one.forwards(limiting);
        many.forwards(limiting);
        Tunnel limited =
                limiting.client(one.limits("2m")).client(many.limits("2m")).open();
        closing(limited);

        Tunnel.Builder dialled = Tunnel.builder();
        known.forwards(dialled);
        others.forwards(dialled);
        String rates =
                "clients.tests.rate { up = %s, down = %s }\nanonymous { allow = [\"127.0.0.1:*\"], rate { up = 2m, down = 2m } }";
        AgentProcess server = closing(AgentProcess.server()
                .config(dialled.serverConfig(0) + rates.formatted("2m", "2m"))
                .start());
        AgentProcess client = closing(dialled.startClient(server.port("listen")));
        AgentProcess stranger = closing(AgentProcess.client()
                .config(dialled.clientConfig(server.port("listen"))
                        .replace(
                                Keys.CLIENT.file().toString(),
                                Keys.SERVER.file().toString()))
                .start());
        client.awaitLog("session up");
        stranger.awaitLog("session up");

        one.begin(limited.client(), 1);
        many.begin(limited.client(), 50);
        known.begin(client, 50);
        others.begin(stranger, 1);
        List<Meter> meters = new ArrayList<>();
        List.of(one, many, known, others).forEach(traffic -> {
            meters.add(traffic.up);
            meters.add(traffic.down);
        });
        measure(10_000, meters, () -> assertAll(meters.stream().map(meter -> () -> expect(2 * MIB, meter))));

        // Now at the client for all forwards together, and at the server half of it.
        limited.client()
                .reload(limiting.clientConfig(limited.server().port("listen")).replace("2m", "off")
                        + "rate { up = 2m, down = 1m }");
        server.reload(dialled.serverConfig(0) + rates.formatted("1m", "3m"));
        limited.client().awaitLog("reloaded ");
        server.awaitLog("reloaded ");
        measure(4_000, meters, () -> {
            assertAll(
                    () -> expect(2 * MIB, one.up, many.up),
                    () -> expect(MIB, one.down, many.down),
                    () -> expect(MIB, known.up),
                    () -> expect(3 * MIB, known.down),
                    () -> expect(2 * MIB, others.up));
        });
    }

    @Test
    @Tag("long")
    void ratesHoldForTwoHundredConnections() throws Exception {
        Traffic many = new Traffic("many");
        Tunnel.Builder tunnel = Tunnel.builder();
        many.forwards(tunnel);
        Tunnel limited = closing(tunnel.client(many.limits("8m")).open());
        many.begin(limited.client(), 200);
        measure(30_000, List.of(many.up, many.down), () -> {
            expect(8 * MIB, many.up);
            expect(8 * MIB, many.down);
        });
    }
}
