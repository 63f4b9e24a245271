package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Sessions outlive their links: applications notice a pause, and nothing else. {@code -Dresume.transfer=200000000
 * -Dresume.cuts=200} is how it is meant; by default it is shorter.
 */
class ResumeTest {
    private static final int TRANSFERS = 20;
    private static final long SIZE = Long.getLong("resume.transfer", 5_000_000);
    private static final int CUTS = Integer.getInteger("resume.cuts", 20);
    private static final long SEED = Long.getLong("resume.seed", 6);
    private static final int BLOCK = 64 << 10;
    private static final Service ECHO = Service.echo();

    @ParameterizedTest(name = "tls {0}")
    @ValueSource(booleans = {true, false})
    void transfersDoNotNoticeThatTheLinkIsCut(boolean tls) throws Exception {
        Tunnel.Builder builder = tunnel(tls).client("upstream.backoff { min = 10ms, max = 100ms }");
        try (AgentProcess server = builder.startServer(0);
                Link link = new Link(server.port("listen"));
                AgentProcess client = builder.startClient(link.port())) {
            transfer(client, "127.0.0.1", new Cuts("the link is cut, tls " + tls, link::cut));
            assertThat(link.connections()).isGreaterThan(CUTS / 2);
        }
    }

    /** What is sent from the old address, or to it, is lost, and nobody is told. */
    @Tag("long")
    @ParameterizedTest(name = "tls {0}")
    @ValueSource(booleans = {true, false})
    void transfersDoNotNoticeThatTheAddressChanges(boolean tls) throws Exception {
        String name = "the client's address changes, tls " + tls;
        Network.require("ResumeTest: " + name);
        try (Network network = new Network(List.of())) {
            Tunnel.Builder builder = tunnel(tls).between(network);
            try (AgentProcess server = builder.startServer(0);
                    AgentProcess client = builder.startClient(server.port("listen"))) {
                transfer(client, network.forwardAddress(), new Cuts(name, network::changeAddress));
            }
        }
    }

    /** As that of a laptop that goes from network to network. */
    @Tag("long")
    @Test
    void eachLinkMayBeShortAndTheNextOneIsDialledSoonAllTheSame() throws Exception {
        try (AgentProcess server = Tunnel.to(ECHO).startServer(0);
                Link link = new Link(server.port("listen"));
                AgentProcess client = Tunnel.to(ECHO).startClient(link.port());
                Socket socket = Tunnel.connect(client, "web")) {
            for (int i = 1; i <= 10; i++) {
                Tunnel.echo(socket);
                link.cut();
                String pause = client.awaitLog("dialling .* in (\\d+) ms", i).group(1);
                assertThat(Integer.parseInt(pause)).isLessThanOrEqualTo(100); // upstream.backoff.min
            }
        }
    }

    private static Tunnel.Builder tunnel(boolean tls) {
        Tunnel.Builder builder = Tunnel.to(ECHO);
        return tls
                ? builder
                : builder.plain().client("upstream.insecure = true").server("insecure = true");
    }

    @Test
    void aSessionMovesToAnotherAddressOfItsServer() throws Exception {
        Tunnel.Builder builder = Tunnel.to(ECHO);
        try (AgentProcess server = builder.startServer(0);
                Link link = new Link(server.port("listen"));
                AgentProcess client = builder.startClient(link.port());
                Socket socket = Tunnel.connect(client, "web")) {
            Tunnel.echo(socket);

            client.reload(builder.clientConfig(server.port("listen")));
            client.awaitLog("session to 127.0.0.1:" + server.port("listen") + " goes on after .*, 1 connections");
            link.cut();

            Tunnel.echo(socket);
            assertThat(client.log().matching("end: reset")).isEmpty();
        }
    }

    /** It has no stream to give, but will have. */
    @Tag("long")
    @Test
    void aSessionThatIsFullWhenItsLinkIsBackGoesOnTakingConnections() throws Exception {
        Tunnel.Builder builder = Tunnel.to(ECHO).server("clients.tests.limits { streams = 1, sessions = 1 }");
        try (AgentProcess server = builder.startServer(0);
                Link link = new Link(server.port("listen"));
                AgentProcess client = builder.startClient(link.port())) {
            try (Socket socket = Tunnel.connect(client, "web")) {
                Tunnel.echo(socket);
                link.cut();
                client.awaitLog("goes on after");
                Tunnel.echo(socket);
            }
            Tunnel.echoes(client);
            assertThat(client.log().matching("session up")).hasSize(1);
        }
    }

    /** All transfers at once, by a client that listens on {@code host}. */
    private static void transfer(AgentProcess client, String host, Cuts cuts) throws Exception {
        client.awaitLog("session up");
        InetSocketAddress forward = new InetSocketAddress(host, client.port("forwards.web"));
        ExecutorService threads = Executors.newCachedThreadPool();
        try {
            List<Future<?>> transfers = new ArrayList<>();
            long begun = System.nanoTime();
            for (int i = 0; i < TRANSFERS; i++) {
                int seed = i;
                transfers.add(threads.submit(() -> {
                    transfer(forward, threads, seed, cuts);
                    return null;
                }));
            }
            for (Future<?> transfer : transfers) {
                transfer.get(10, TimeUnit.MINUTES);
            }
            System.out.printf(
                    "ResumeTest: %s, seed %d: %d times, %d transfers of %d bytes both ways in %d s, %d links%n",
                    cuts.name,
                    SEED,
                    cuts.made(),
                    TRANSFERS,
                    SIZE,
                    (System.nanoTime() - begun) / 1_000_000_000,
                    1 + client.log().matching("goes on after").size());
            assertThat(cuts.made()).isEqualTo(CUTS);
            assertThat(client.log().matching("goes on after")).isNotEmpty();
            assertThat(client.log().matching("session up")).hasSize(1);
            assertThat(client.log().matching("end: reset")).isEmpty();
        } finally {
            threads.shutdownNow();
        }
    }

    private static void transfer(InetSocketAddress forward, ExecutorService threads, int seed, Cuts cuts)
            throws Exception {
        try (Socket socket = Tunnel.connectTo(forward)) {
            Future<?> sending = threads.submit(() -> {
                Bytes.source(seed, SIZE).transferTo(socket.getOutputStream());
                socket.shutdownOutput();
                return null;
            });
            compare(socket.getInputStream(), Bytes.source(seed, SIZE), cuts);
            sending.get();
        }
    }

    private static void compare(InputStream actual, InputStream expected, Cuts cuts) throws IOException {
        byte[] block = actual.readNBytes(BLOCK);
        for (; block.length > 0; block = actual.readNBytes(BLOCK)) {
            assertThat(Arrays.equals(block, expected.readNBytes(block.length))).isTrue();
            cuts.passed(block.length);
        }
        assertThat(expected.read()).as("the end comes after the last byte").isEqualTo(-1);
    }

    /** Does something to the link each time when so many bytes have passed, at places that only the seed knows. */
    private static final class Cuts {
        private final String name;
        private final Runnable cut;
        private final long[] places;
        private long passed;
        private int made;

        Cuts(String name, Runnable cut) {
            this.name = name;
            this.cut = cut;
            places = new Random(SEED)
                    .longs(CUTS, 0, TRANSFERS * SIZE * 99 / 100)
                    .sorted()
                    .toArray();
        }

        synchronized void passed(int bytes) {
            passed += bytes;
            while (made < places.length && places[made] <= passed) {
                made++;
                cut.run();
            }
        }

        synchronized int made() {
            return made;
        }
    }
}
