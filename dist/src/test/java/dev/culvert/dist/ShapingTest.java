package dev.culvert.dist;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertAll;

import java.io.IOException;
import java.io.InputStream;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Rates hold for the bytes that programs see, and who shares one gets as much as the others. */
@Tag("alone")
final class ShapingTest {
    private static final long MIB = 1 << 20;
    private static final Percentage TOLERANCE = Percentage.withPercentage(5);
    /** Jain's index: 1 where all have the same. */
    private static final double FAIR = 0.98;

    private final List<AutoCloseable> toClose = new ArrayList<>();
    private final List<IOException> broken = new CopyOnWriteArrayList<>();

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

        void read(DatagramSocket socket) throws IOException {
            AtomicLong count = new AtomicLong();
            streams.add(count);
            DatagramPacket packet = new DatagramPacket(new byte[65535], 65535);
            while (true) {
                socket.receive(packet);
                count.addAndGet(packet.getLength());
            }
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

        /** Bytes since {@link #begin}, of all. */
        long bytes() {
            return LongStream.of(counts()).sum() - LongStream.of(before).sum();
        }

        /** Bytes a second since {@link #begin}, for each. */
        DoubleStream rates() {
            long[] counts = counts();
            double seconds = (System.nanoTime() - since) / 1e9;
            return IntStream.range(0, before.length).mapToDouble(i -> (counts[i] - before[i]) / seconds);
        }
    }

    /** What some meters should have together. */
    private record Expected(long rate, List<Meter> meters) {
        void begin() {
            meters.forEach(Meter::begin);
        }

        /** Until as much has come as this rate brings in so many seconds. */
        void awaitBytesOf(double seconds) {
            await().atMost(AgentProcess.PATIENCE.plusSeconds((long) (3 * seconds)))
                    .until(() -> meters.stream().mapToLong(Meter::bytes).sum() >= rate * seconds);
        }

        /** Fails unless they had this rate since they began, in equal parts. */
        void check() {
            String what = meters.stream().map(meter -> meter.what).collect(joining(" and "));
            double[] rates = meters.stream().flatMapToDouble(Meter::rates).toArray();
            double sum = DoubleStream.of(rates).sum();
            double fairness = sum
                    * sum
                    / (rates.length
                            * DoubleStream.of(rates).map(one -> one * one).sum());
            System.out.printf(
                    "%s, %d connections: %.3f MiB/s of %.3f, Jain's index %.4f%n",
                    what, rates.length, sum / MIB, (double) rate / MIB, fairness);
            assertThat(sum).as(what).isCloseTo((double) rate, TOLERANCE);
            assertThat(fairness).as(what + ", Jain's index").isGreaterThan(FAIR);
        }
    }

    private static Expected expect(long rate, Meter... meters) {
        return new Expected(rate, List.of(meters));
    }

    /**
     * Connections in both directions by forwards {@code NAME-up} and {@code NAME-down}, with as much as these can
     * carry.
     */
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
                inBackground(() -> {
                    byte[] block = new byte[64 << 10];
                    while (true) {
                        upload.getOutputStream().write(block);
                    }
                });
                Socket download = closing(Tunnel.connect(client, name + "-down"));
                inBackground(() -> down.read(download));
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

    private void inBackground(Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (IOException e) {
                broken.add(e); // the test is over, or measure() tells
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    private void measure(double settled, double seconds, Expected... expected) {
        List<Expected> all = List.of(expected);
        all.forEach(Expected::begin);
        all.forEach(one -> one.awaitBytesOf(settled)); // windows and sockets are full by then
        all.forEach(Expected::begin);
        assertAll(all.stream().map(one -> () -> {
            one.awaitBytesOf(seconds);
            one.check();
        }));
        assertThat(broken).as("what has ended transfers").isEmpty();
    }

    /** For a test that measures. */
    private AgentProcess start(AgentProcess.Builder agent, String config) {
        return closing(agent.asShipped().config(config).start());
    }

    private static String as(Keys other, String clientConfig) {
        return clientConfig.replace(Keys.CLIENT.file().toString(), other.file().toString());
    }

    @Test
    @Tag("long")
    void ratesHoldForOneConnectionAndForFiftyOnEitherSideAndChangeAtReload() throws Exception {
        // The limits of some are at the client, a forward each; those of the others at the server: of one that it
        // knows, and of strangers.
        Traffic one = new Traffic("one");
        Traffic many = new Traffic("many");
        Traffic known = new Traffic("known");
        Traffic strange = new Traffic("strange");
        Tunnel.Builder near = Tunnel.builder().client(one.limits("2m")).client(many.limits("2m"));
        one.forwards(near);
        many.forwards(near);
        Tunnel.Builder far = Tunnel.builder().client("upstream.sessions = 3"); // on all the event loops that there are
        known.forwards(far);
        strange.forwards(far);
        Keys limiting = Keys.make("tunnel-client", Keys.DIRECTORY.resolve("limiting.key"));
        Keys stranger = Keys.make("tunnel-client", Keys.DIRECTORY.resolve("stranger.key"));
        String serverConfig = far.serverConfig(0) + """
                clients.limiting { key = "%s", allow = ["127.0.0.1:*"] }
                anonymous { allow = ["127.0.0.1:*"], rate { up = 2m, down = 2m } }
                clients.tests.rate { up = %%s, down = %%s }
                """.formatted(limiting.fingerprint());

        AgentProcess server = start(AgentProcess.server(), serverConfig.formatted("2m", "2m"));
        int port = server.port("listen");
        AgentProcess limitingClient = start(AgentProcess.client(), as(limiting, near.clientConfig(port)));
        AgentProcess knownClient = start(AgentProcess.client(), far.clientConfig(port));
        AgentProcess strangeClient = start(AgentProcess.client(), as(stranger, far.clientConfig(port)));
        List.of(limitingClient, knownClient, strangeClient).forEach(client -> client.awaitLog("session up"));

        one.begin(limitingClient, 1);
        many.begin(limitingClient, 50);
        known.begin(knownClient, 50);
        strange.begin(strangeClient, 1);
        measure(
                1,
                10,
                Stream.of(one, many, known, strange)
                        .flatMap(traffic -> Stream.of(traffic.up, traffic.down))
                        .map(meter -> expect(2 * MIB, meter))
                        .toArray(Expected[]::new));

        // Now one limit for all forwards of the client together, and others at the server.
        limitingClient.reload(
                as(limiting, near.clientConfig(port)).replace("2m", "off") + "rate { up = 2m, down = 1m }");
        server.reload(serverConfig.formatted("1m", "3m"));
        limitingClient.awaitLog("reloaded ");
        server.awaitLog("reloaded ");
        measure(
                1,
                3,
                expect(2 * MIB, one.up, many.up),
                expect(MIB, one.down, many.down),
                expect(MIB, known.up),
                expect(3 * MIB, known.down),
                expect(2 * MIB, strange.up));
    }

    @Test
    @Tag("long")
    void whatIsHeldBackArrivesBeforeTheEndAndNotAfterAReset() throws Exception {
        Service digest = closing(Service.digest());
        Service sink = closing(Service.of(socket -> socket.getInputStream().readAllBytes()));
        Tunnel tunnel = closing(Tunnel.builder()
                .forward("digest", digest)
                .forward("sink", sink)
                .client("forwards.digest.rate.up = 200k")
                .server("rate.up = 100k")
                .open());
        assertThat(secondsToUpload(150 << 10, tunnel.connect("digest"))).isGreaterThan(1.4);

        Socket socket = tunnel.connect("sink");
        int port = socket.getLocalPort();
        socket.getOutputStream().write(new byte[256 << 10]);
        sink.awaitConnection();
        socket.setSoLinger(true, 0);
        socket.close();
        assertThat(tunnel.client().awaitEnding("sink", port).reason()).contains("reset by the socket");
        AgentProcess.Ending far = tunnel.server().awaitEnding("sink", port);
        assertThat(far.reason()).contains("connection reset");
        assertThat(far.out()).isLessThan(256 << 10);
    }

    @Test
    @Tag("long")
    void stockPeersHaveTheRateOfTheirEndpoint() throws Exception {
        Service digest = closing(Service.digest());
        AgentProcess server = closing(AgentProcess.server()
                .config("smux.stock { listen = \"127.0.0.1:0\", tls = off, target = \"%s\", rate.up = 100k }"
                        .formatted(digest.address()))
                .start());
        AgentProcess client = closing(AgentProcess.client()
                .config("""
                        upstream { servers = ["127.0.0.1:%d"], tls = off, protocol = smux-v2 }
                        forwards { digest { listen = "127.0.0.1:0" } }
                        """.formatted(server.port("smux.stock")))
                .start());
        client.awaitLog("session up");
        assertThat(secondsToUpload(150 << 10, Tunnel.connect(client, "digest"))).isGreaterThan(1.4);
    }

    @Test
    @Tag("long")
    void datagramsAndAConnectionShareARate() throws Exception {
        InetAddress loopback = InetAddress.getLoopbackAddress();
        DatagramSocket target = closing(new DatagramSocket(0, loopback));
        Meter datagrams = new Meter("datagrams");
        inBackground(() -> datagrams.read(target));
        Meter stream = new Meter("a connection");
        Service sink = closing(Service.of(stream::read));
        String address = "127.0.0.1:" + target.getLocalPort();
        Tunnel tunnel = closing(Tunnel.builder()
                .forward("tcp", sink)
                .udp("udp", address, "rate.up = 2m") // of which half is enough
                .allow("udp:" + address)
                .client("rate.up = 2m")
                .each(AgentProcess.Builder::asShipped)
                .open());

        DatagramSocket sender = closing(new DatagramSocket(0, loopback));
        InetSocketAddress forward =
                new InetSocketAddress(loopback, tunnel.client().port("forwards.udp"));
        inBackground(() -> {
            DatagramPacket packet = new DatagramPacket(new byte[1200], 1200, forward);
            while (true) { // four times the rate, about
                for (int i = 0; i < 7; i++) {
                    sender.send(packet);
                }
                LockSupport.parkNanos(1_000_000);
            }
        });
        measure(0.5, 5, expect(2 * MIB, datagrams));

        Socket upload = closing(tunnel.connect("tcp"));
        inBackground(() -> {
            while (true) {
                upload.getOutputStream().write(new byte[64 << 10]);
            }
        });
        measure(1, 10, expect(2 * MIB, datagrams, stream));
    }

    /** What arrives is what was sent. */
    private static double secondsToUpload(long bytes, Socket socket) throws IOException {
        long begin = System.nanoTime();
        try (socket) {
            Bytes.source(1, bytes).transferTo(socket.getOutputStream());
            socket.shutdownOutput();
            assertThat(Service.readFully(socket.getInputStream(), 32)).isEqualTo(Bytes.digest(Bytes.source(1, bytes)));
        }
        return (System.nanoTime() - begin) / 1e9;
    }

    @Test
    @Tag("long")
    void ratesHoldForTwoHundredConnections() throws Exception {
        Traffic many = new Traffic("many");
        Tunnel.Builder tunnel = Tunnel.builder();
        many.forwards(tunnel);
        Tunnel limited = closing(tunnel.client(many.limits("8m"))
                .each(AgentProcess.Builder::asShipped)
                .open());
        many.begin(limited.client(), 200);
        measure(5, 30, expect(8 * MIB, many.up), expect(8 * MIB, many.down));
    }
}
