package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.typesafe.config.ConfigFactory;
import dev.culvert.common.admin.AdminClient;
import dev.culvert.dist.AgentProcess.Ending;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.SocketTimeoutException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Datagrams go through the tunnel and come back, each sender's by itself; what cannot be in time is lost. */
final class UdpTest {
    private static final int LARGEST = 65_507;

    private static UdpEcho echo;
    private static Tunnel tunnel;

    @TempDir
    private static Path directory;

    @BeforeAll
    static void open() throws IOException {
        echo = new UdpEcho();
        tunnel = Tunnel.builder()
                .udp("echo", echo.address(), "flow-timeout = 60s")
                .udp("short", echo.address(), "flow-timeout = 1s")
                .udp("few", echo.address(), "max-connections = 2")
                .allow("udp:" + echo.address())
                .udp("forbidden", "127.0.0.1:9", "")
                .allow("127.0.0.1:1-65535") // of TCP
                .udp("nobody", "127.0.0.1:" + closedPort(), "")
                .allow("udp:127.0.0.1:1024-65535")
                .client("admin.listen = \"%s\"".formatted(directory.resolve("client.sock")))
                .server("admin.listen = \"%s\"".formatted(directory.resolve("server.sock")))
                .open();
    }

    @AfterAll
    static void close() {
        tunnel.close();
        echo.close();
    }

    private static int closedPort() throws IOException {
        try (DatagramSocket socket = new DatagramSocket(0)) {
            return socket.getLocalPort();
        }
    }

    /** A sender, connected to a forward. */
    private static DatagramSocket sender(String forward) throws IOException {
        return sender(tunnel.client(), forward);
    }

    private static DatagramSocket sender(AgentProcess client, String forward) throws IOException {
        return sender(new InetSocketAddress(InetAddress.getLoopbackAddress(), client.port("forwards." + forward)));
    }

    private static DatagramSocket sender(InetSocketAddress forward) throws IOException {
        DatagramSocket socket = new DatagramSocket();
        socket.setReceiveBufferSize(4 << 20);
        socket.setSendBufferSize(1 << 20);
        socket.setSoTimeout((int) AgentProcess.PATIENCE.toMillis());
        socket.connect(forward);
        return socket;
    }

    private static void send(DatagramSocket socket, byte[] data) throws IOException {
        socket.send(new DatagramPacket(data, data.length));
    }

    private static byte[] receive(DatagramSocket socket) throws IOException {
        DatagramPacket packet = new DatagramPacket(new byte[65535], 65535);
        socket.receive(packet);
        return Arrays.copyOf(packet.getData(), packet.getLength());
    }

    private static byte[] random(long seed, int bytes) {
        byte[] data = new byte[bytes];
        new Random(seed).nextBytes(data);
        return data;
    }

    /** Whether a datagram of this size comes back, before nothing comes. */
    private static boolean answers(DatagramSocket socket, int bytes) throws IOException {
        send(socket, random(bytes, bytes));
        try {
            while (receive(socket).length != bytes) {
                // an older one
            }
            return true;
        } catch (SocketTimeoutException e) {
            return false;
        }
    }

    private static double metric(String agent, String sample) throws Exception {
        return metric(directory.resolve(agent + ".sock"), sample);
    }

    private static double metric(Path socket, String sample) throws Exception {
        try (AdminClient admin = new AdminClient(socket.toString())) {
            Matcher found = Pattern.compile("(?m)^" + Pattern.quote(sample) + " (\\S+)$")
                    .matcher(admin.get("/metrics"));
            assertThat(found.find()).as(sample).isTrue();
            return Double.parseDouble(found.group(1));
        }
    }

    /** A socket of the JDK that is connected sends no empty ones. */
    @Test
    void anEmptyDatagramComesBackToo() throws IOException {
        try (DatagramSocket socket = sender("echo")) {
            SocketAddress forward = socket.getRemoteSocketAddress();
            socket.disconnect();
            socket.send(new DatagramPacket(new byte[0], 0, forward));

            assertThat(receive(socket)).isEmpty();
        }
    }

    @Test
    void aDatagramOfAnySizeComesBackAsItWas() throws IOException {
        try (DatagramSocket socket = sender("echo")) {
            for (int bytes : new int[] {1, 2, 511, 1472, 8192, 32_750, 32_751, 65_506, LARGEST}) {
                send(socket, random(bytes, bytes));

                assertThat(receive(socket)).as("%d bytes", bytes).isEqualTo(random(bytes, bytes));
            }
        }
    }

    @Test
    void everySenderHasAFlowOfItsOwnAndGetsItsOwnAnswers() throws IOException {
        echo.senders().clear(); // it may hear from the port of an older flow again
        DatagramSocket[] sockets = new DatagramSocket[20];
        for (int i = 0; i < sockets.length; i++) {
            sockets[i] = sender("echo");
            send(sockets[i], random(i, 100 + i));
        }
        for (int i = 0; i < sockets.length; i++) {
            assertThat(receive(sockets[i])).isEqualTo(random(i, 100 + i));
            sockets[i].close();
        }
        assertThat(echo.senders()).hasSizeGreaterThanOrEqualTo(sockets.length);
    }

    @Test
    void aFlowThatIsSilentEndsInGoodOrderAndTheNextDatagramBeginsAnother() throws IOException {
        try (DatagramSocket socket = sender("short")) {
            send(socket, random(1, 100));
            receive(socket);

            Ending near = tunnel.client().awaitEnding("short", socket.getLocalPort());
            Ending far = tunnel.server().awaitEnding("short", socket.getLocalPort());

            assertThat(near.id()).isEqualTo(far.id());
            assertThat(near.target()).isEqualTo("udp:" + echo.address());
            assertThat(near.in()).isEqualTo(100);
            assertThat(far.out()).isEqualTo(100);
            assertThat(near.ms()).isGreaterThanOrEqualTo(1000);
            assertThat(near.reason()).startsWith("closed: idle for ");
            assertThat(far.reason()).startsWith("closed by the other side: idle for ");

            send(socket, random(2, 100));
            assertThat(receive(socket)).isEqualTo(random(2, 100));
        }
    }

    @Test
    void whoWasSilentForLongestGivesWay() throws IOException {
        try (DatagramSocket first = sender("few");
                DatagramSocket second = sender("few");
                DatagramSocket third = sender("few")) {
            for (DatagramSocket socket : new DatagramSocket[] {first, second, first, third}) {
                send(socket, random(1, 10));
                receive(socket);
            }
            assertThat(tunnel.client().awaitEnding("few", second.getLocalPort()).reason())
                    .isEqualTo("reset: its sender was silent for longest of 2, the most there may be");
            assertThat(tunnel.client().log().matching("forward=few client=127.0.0.1:" + first.getLocalPort()))
                    .isEmpty();
        }
    }

    @Test
    void whoGivesWayBeforeItsFlowHasBegunDoesSoToo() throws IOException {
        List<DatagramSocket> burst = new ArrayList<>();
        try {
            for (int i = 0; i < 50; i++) {
                burst.add(sender("few"));
            }
            for (DatagramSocket socket : burst) {
                send(socket, random(1, 10));
            }
            for (DatagramSocket socket : burst.subList(0, 48)) {
                assertThat(tunnel.client()
                                .awaitEnding("few", socket.getLocalPort())
                                .reason())
                        .contains("silent for longest");
            }
        } finally {
            burst.forEach(DatagramSocket::close);
        }
    }

    @Test
    void noRuleForTcpCoversUdp() throws Exception {
        try (DatagramSocket socket = sender("forbidden")) {
            double refused = metric("client", "culvert_datagrams_dropped_total{reason=\"refused\"}");
            send(socket, random(1, 10));
            Ending near = tunnel.client().awaitEnding("forbidden", socket.getLocalPort());
            assertThat(near.reason()).isEqualTo("reset: forbidden: no allow rule of tests covers udp:127.0.0.1:9");
            await().atMost(AgentProcess.PATIENCE).until(() -> {
                send(socket, random(1, 10)); // is not asked for again at once, though it is after a second
                return metric("client", "culvert_datagrams_dropped_total{reason=\"refused\"}") > refused;
            });
        }
    }

    @Test
    void aTargetThatIsNotThereIsCountedAndTheFlowStays() throws Exception {
        try (DatagramSocket socket = sender("nobody")) {
            double before = metric("server", "culvert_datagrams_dropped_total{reason=\"unreachable\"}");
            send(socket, random(1, 10));

            await().atMost(AgentProcess.PATIENCE)
                    .until(() -> metric("server", "culvert_datagrams_dropped_total{reason=\"unreachable\"}") > before);
            assertThat(tunnel.server().log().matching("forward=nobody .* end: "))
                    .isEmpty();
        }
    }

    @Test
    @Tag("long")
    void tenThousandDatagramsAtAModestRateArrive() throws Exception {
        try (DatagramSocket socket = sender("echo")) {
            int arrived = 0;
            Set<Integer> seen = new HashSet<>();
            for (int i = 0; i < 1000; i++) {
                for (int k = 0; k < 10; k++) {
                    send(socket, random(i * 10 + k, 20 + k));
                }
                for (int k = 0; k < 10; k++) {
                    byte[] data = receive(socket);
                    assertThat(data).isEqualTo(random(i * 10 + data.length - 20, data.length));
                    seen.add(i * 10 + data.length - 20);
                    arrived++;
                }
            }
            assertThat(arrived).isEqualTo(10_000);
            assertThat(seen).hasSize(10_000);
        }
    }

    /** What has come late was in the sockets of the kernel, and a batch: 61 when this was written. */
    @Test
    @Tag("long")
    void aLinkThatStandsStillLosesDatagramsAndBringsNoOldOnes() throws Exception {
        try (Scene scene = Scene.linked(
                        built -> built.udp("echo", echo.address(), "").allow("udp:" + echo.address()));
                DatagramSocket socket = sender(scene.client(), "echo")) {
            send(socket, random(0, 100));
            receive(socket);
            long before = echo.received();

            scene.link().fallSilent();
            byte[] data = new byte[1000];
            for (int i = 0; i < 20_000; i++) {
                send(socket, data);
                if (i % 20 == 0) {
                    TimeUnit.MILLISECONDS.sleep(1); // 20 MB in a second and some
                }
            }
            await().until(() -> metric(scene.admin("client"), "culvert_datagrams_dropped_total{reason=\"late\"}") > 0);
            scene.link().speakAgain();
            socket.setSoTimeout(100);
            await().atMost(AgentProcess.PATIENCE).until(() -> answers(socket, 99));

            System.out.println("of 20,000 datagrams " + (echo.received() - before) + " have come late");
            assertThat(echo.received() - before).isLessThan(5_000);
        }
    }

    @Test
    @Tag("long")
    void aServerThatIsBackIsUsedAgain() throws Exception {
        try (Scene scene = Scene.linked(
                        built -> built.udp("echo", echo.address(), "").allow("udp:" + echo.address()));
                DatagramSocket socket = sender(scene.client(), "echo")) {
            send(socket, random(0, 100));
            receive(socket);

            scene.killServer();
            socket.setSoTimeout(100);
            await().atMost(AgentProcess.PATIENCE).until(() -> answers(socket, 99));
        }
    }

    /** One that sends all the time has a flow that never ends by itself, on a session that may never be found again. */
    @Test
    @Tag("long")
    void aSenderWhoseServerIsGoneIsServedByTheNext() throws Exception {
        Tunnel.Builder builder = Tunnel.builder()
                .udp("echo", echo.address(), "")
                .allow("udp:" + echo.address())
                .client("upstream.return-after = off");
        try (AgentProcess first = builder.startServer(0);
                AgentProcess second = builder.startServer(0);
                AgentProcess client = builder.startClient(first.port("listen"), second.port("listen"));
                DatagramSocket socket = sender(client, "echo")) {
            client.awaitLog("session up");
            send(socket, random(0, 100));
            receive(socket);

            first.kill();
            client.awaitLog("session up", 2);
            socket.setSoTimeout(100);
            await().atMost(Duration.ofSeconds(10)).until(() -> answers(socket, 99));
            client.awaitLog("forward=echo .* end: .*its session has lost its link");
        }
    }

    @Test
    @Tag("long")
    void aFlowOutlivesTheLinkOfItsSession() throws Exception {
        try (Scene scene = Scene.linked(
                        built -> built.udp("echo", echo.address(), "").allow("udp:" + echo.address()));
                DatagramSocket socket = sender(scene.client(), "echo")) {
            send(socket, random(0, 100));
            receive(socket);
            scene.link().cut();
            scene.client().awaitLog("goes on");
            send(socket, random(1, 99));
            assertThat(receive(socket)).isEqualTo(random(1, 99));

            scene.link().fallSilent(); // so that the session has no link for a while, and its sender goes on meanwhile
            scene.link().cut();
            scene.client().awaitLog("link to .* lost", 2);
            send(socket, random(2, 98));
            TimeUnit.MILLISECONDS.sleep(100);
            scene.link().speakAgain();
            scene.client().awaitLog("goes on", 2);
            send(socket, random(3, 97));
            while (receive(socket).length != 97) {
                // what was sent before may have been in time
            }
            assertThat(scene.client().log().matching("forward=echo .* end: ")).isEmpty();
        }
    }

    /** A socket that goes at a reload is there for the flows that it has: who loses his has no other. */
    @Test
    @Tag("long")
    void aForwardThatIsGoneCutsNoFlowWhoseSessionMayComeBack() throws Exception {
        Path admin = directory.resolve("gone.sock");
        Tunnel.Builder builder = Tunnel.builder()
                .udp("echo", echo.address(), "")
                .allow("udp:" + echo.address())
                .client("upstream.return-after = off")
                .client("admin.listen = \"" + admin + "\"");
        try (AgentProcess first = builder.startServer(0);
                AgentProcess second = builder.startServer(0);
                AgentProcess client = builder.startClient(first.port("listen"), second.port("listen"));
                DatagramSocket socket = sender(client, "echo")) {
            client.awaitLog("session up");
            send(socket, random(0, 100));
            receive(socket);
            first.kill();
            client.awaitLog("session up", 2);
            client.reload(Files.readString(client.configFile()).replace("protocol = udp, listen", "listen"));
            client.awaitLog("forwards.echo: no longer listening on udp:");

            await().atMost(AgentProcess.PATIENCE).until(() -> {
                send(socket, random(1, 99));
                return metric("gone", "culvert_datagrams_dropped_total{reason=\"late\"}") > 2;
            });
            assertThat(client.log().matching("forward=echo .* end: ")).isEmpty();
        }
    }

    @Test
    @Tag("long")
    void aDrainWaitsForNoFlowThatHasBeenQuiet() throws Exception {
        try (Tunnel other = Tunnel.builder()
                        .udp("echo", echo.address(), "")
                        .allow("udp:" + echo.address())
                        .open();
                DatagramSocket socket = sender(other.client(), "echo")) {
            send(socket, random(0, 100));
            receive(socket);
            other.client().terminate();
            other.client().awaitLog("draining: 1 connections left");
            send(socket, random(1, 100));
            assertThat(receive(socket)).isEqualTo(random(1, 100)); // it goes on meanwhile

            assertThat(other.client().awaitExit()).isZero();
            assertThat(other.client().awaitEnding("echo", socket.getLocalPort()).reason())
                    .contains("while draining");
        }
    }

    @Test
    @Tag("alone") // others would take the time in which datagrams have to be carried
    @Tag("long")
    void iperfOverTcpAndUdpOfOnePortLosesNextToNothing() throws Exception {
        Programs.require("/usr/bin/iperf3", "UdpTest: what iperf3 says of UDP through the tunnel");
        int target = Service.freePort();
        int port = Service.freePort();
        Process server = new ProcessBuilder("iperf3", "-s", "-1", "-B", "127.0.0.1", "-p", String.valueOf(target))
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        try (Tunnel other = Tunnel.builder()
                .client("""
                        forwards.control { listen = "127.0.0.1:%1$d", target = "127.0.0.1:%2$d" }
                        forwards.data { protocol = udp, listen = "127.0.0.1:%1$d", target = "127.0.0.1:%2$d" }
                        """.formatted(port, target))
                .allow("127.0.0.1:" + target)
                .allow("udp:127.0.0.1:" + target)
                .open()) {
            assertThat(other.client().port("forwards.data"))
                    .isEqualTo(other.client().port("forwards.control"));
            String json = Programs.run(("iperf3 -c 127.0.0.1 -p " + port + " -u -l 1200 -b 10M -t 3 -J").split(" "))
                    .expect(0)
                    .output();
            double lost = ConfigFactory.parseString(json).getDouble("end.sum.lost_percent");
            System.out.println("iperf3 -u -b 10M: " + lost + " % lost");
            assertThat(lost).isLessThan(2);
        } finally {
            server.destroy();
        }
    }

    @Test
    void digGetsAnAnswerFromANameServerBehindTheTunnel() throws Exception {
        Programs.require("/usr/bin/dig", "UdpTest: whether dig gets an answer through the tunnel");
        try (NameServer names = new NameServer("127.0.0.1", 0);
                Tunnel other = Tunnel.builder()
                        .udp("dns", "127.0.0.1:" + names.port(), "")
                        .allow("udp:127.0.0.1:" + names.port())
                        .open()) {
            names.say("192.0.2.7");
            String port = String.valueOf(other.client().port("forwards.dns"));

            assertThat(Programs.run("dig", "+short", "@127.0.0.1", "-p", port, "www.example.com", "A")
                            .expect(0)
                            .output())
                    .contains("192.0.2.7");
        }
    }

    /**
     * 10 Mbit/s both ways, and more to send. What is left of the delay is what a session has in its socket and on the
     * link.
     */
    @Test
    @Tag("long")
    @Tag("alone")
    void aSlowLinkLosesDatagramsAndDelaysNone() throws Exception {
        Network.require("UdpTest: that datagrams are lost rather than late where the link is slow");
        try (UdpEcho far = new UdpEcho();
                Scene scene = Scene.routed(
                        built -> built.udp("echo", far.address(), "").allow("udp:" + far.address()),
                        new Network(List.of("--rate", "10mbit", "--rtt", "20ms", "--queue", "40000")));
                DatagramSocket flood = sender(scene.forward("echo"));
                DatagramSocket call = sender(scene.forward("echo"))) {
            send(call, random(1, 100));
            receive(call);
            AtomicBoolean over = new AtomicBoolean();
            AtomicInteger sent = new AtomicInteger();
            Thread flooding = new Thread(() -> {
                try {
                    while (!over.get()) {
                        send(flood, new byte[1200]);
                        sent.incrementAndGet();
                        if (sent.get() % 5 == 0) {
                            TimeUnit.MILLISECONDS.sleep(1);
                        }
                    }
                } catch (IOException | InterruptedException e) {
                    over.set(true);
                }
            });
            flooding.start();
            List<Long> millis = new ArrayList<>();
            call.setSoTimeout(2000);
            for (int i = 0; i < 50; i++) {
                long begun = System.nanoTime();
                if (answers(call, 100 + i)) {
                    millis.add((System.nanoTime() - begun) / 1_000_000);
                }
                TimeUnit.MILLISECONDS.sleep(20);
            }
            over.set(true);
            flooding.join();
            Collections.sort(millis);
            System.out.println("beside a flood over 10 Mbit/s and 20 ms: " + millis.size()
                    + " of 50 answers, the median after " + millis.get(millis.size() / 2) + " ms; of the flood "
                    + far.received() + " of " + sent + " datagrams arrived");
            assertThat(far.received()).isLessThan(sent.get());
            assertThat(millis).hasSizeGreaterThan(40);
            assertThat(millis.get(millis.size() / 2)).isLessThan(500);
        }
    }

    @Test
    @Tag("long")
    void aForwardThatChangesAndGoesAtAReloadIsLeftToTheFlowsThatItHas() throws Exception {
        try (UdpEcho second = new UdpEcho();
                Tunnel other = Tunnel.builder()
                        .udp("echo", echo.address(), "")
                        .allow("udp:127.0.0.1:1-65535")
                        .open();
                DatagramSocket socket = sender(other.client(), "echo");
                DatagramSocket later = sender(other.client(), "echo")) {
            assertThat(answers(socket, 10)).isTrue();
            String before = Files.readString(other.client().configFile());
            other.client().reload(before.replace(echo.address(), second.address()));
            other.client().awaitLog("forwards.echo: .* from now on");
            long heard = second.received();
            assertThat(answers(socket, 11)).isTrue();
            assertThat(second.received()).isEqualTo(heard);
            assertThat(answers(later, 12)).isTrue();
            assertThat(second.received()).isEqualTo(heard + 1);

            other.client().reload(before.replace("protocol = udp, listen", "listen"));
            other.client().awaitLog("forwards.echo: no longer listening on udp:");
            assertThat(answers(socket, 13)).isTrue();
        }
    }

    @Test
    @Tag("long")
    void aTakeOverLosesNoSender() throws Exception {
        Path admin = directory.resolve("upgrade.sock");
        try (Tunnel other = Tunnel.builder()
                        .udp("echo", echo.address(), "")
                        .allow("udp:" + echo.address())
                        .client("admin.listen = \"" + admin + "\"")
                        .open();
                DatagramSocket socket = sender(other.client(), "echo")) {
            assertThat(answers(socket, 10)).isTrue();
            try (AgentProcess successor = other.client().successor()) {
                other.client().awaitLog("draining");
                successor.awaitLog("session up");
                socket.setSoTimeout(200);
                await().atMost(AgentProcess.PATIENCE).until(() -> answers(socket, 11));
                assertThat(successor.port("forwards.echo")).isEqualTo(socket.getPort());
                assertThat(other.client().awaitExit()).isZero();
                socket.setSoTimeout((int) AgentProcess.PATIENCE.toMillis());
                assertThat(answers(socket, 12)).isTrue();
            }
        }
    }

    @Test
    @Tag("long")
    void doctorSaysWhatCanBeSaidOfUdp() throws IOException {
        Path config = Files.writeString(
                directory.resolve("doctor.conf"),
                Tunnel.builder()
                        .udp("echo", echo.address(), "")
                        .udp("forbidden", "127.0.0.1:9", "")
                        .clientConfig(tunnel.server().port("listen")));
        ProcessBuilder doctor = Launcher.command("tunnel-client", "-c", config.toString(), "doctor");

        assertThat(Programs.run(doctor).expect(1).output())
                .contains("ok    port           echo: udp:127.0.0.1:0 is free")
                .contains("ok    forward        echo: the server sends datagrams to udp:" + echo.address()
                        + "; whether anybody is there UDP does not tell")
                .contains("BAD   forward        forbidden: forbidden: no allow rule of tests covers udp:127.0.0.1:9")
                .contains("adds \"udp:127.0.0.1:9\" to `allow`");
    }
}
