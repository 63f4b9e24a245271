package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.epoll.EpollDomainDatagramChannel;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.unix.DomainDatagramPacket;
import io.netty.channel.unix.DomainSocketAddress;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** As a service of systemd. */
final class ServiceTest {
    private static final EventLoopGroup LOOP = new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());

    @AfterAll
    static void close() {
        LOOP.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
    }

    @TempDir
    private Path directory = Path.of("");

    @Test
    void systemdIsToldOfStartStateAndStop() throws Exception {
        Path socket = directory.resolve("notify");
        List<String> told = new CopyOnWriteArrayList<>();
        Channel systemd = listen(socket, told);
        try (Service echo = Service.echo();
                AgentProcess server = AgentProcess.server()
                        .config(Tunnel.to(echo).serverConfig(0))
                        .environment("NOTIFY_SOCKET", socket.toString())
                        .environment("WATCHDOG_USEC", "400000")
                        .start()) {
            await().atMost(AgentProcess.PATIENCE)
                    .untilAsserted(() -> assertThat(told).contains("STATUS=0 sessions, 0 connections"));
            assertThat(told).startsWith("READY=1").contains("WATCHDOG=1");
            server.terminate();
            assertThat(server.awaitExit()).isZero();

            await().atMost(AgentProcess.PATIENCE)
                    .untilAsserted(() -> assertThat(told)
                            .contains("STOPPING=1")
                            .anySatisfy(word -> assertThat(word).matches("EXTEND_TIMEOUT_USEC=[0-9]{8}")));
        } finally {
            systemd.close().sync();
        }
    }

    @Test
    void aSocketOfSystemdIsAcceptedFrom() throws Exception {
        assumeTrue(
                Files.isExecutable(Path.of("/usr/bin/systemd-socket-activate")),
                "SKIPPED: systemd-socket-activate is not here");
        int port;
        try (ServerSocket free = new ServerSocket(0)) {
            port = free.getLocalPort();
        }
        // The file names another port: the socket counts.
        try (Service echo = Service.echo();
                AgentProcess server = AgentProcess.server()
                        .config(Tunnel.to(echo).serverConfig(1))
                        .startedBy(
                                "/usr/bin/systemd-socket-activate",
                                "--listen=127.0.0.1:" + port,
                                "--fdname=listen",
                                "--setenv=CULVERT_OPTS",
                                "--setenv=JAVA_HOME",
                                "--setenv=PATH")
                        .start()) {
            server.awaitLog("Listening on");
            try (AgentProcess client = Tunnel.to(echo).startClient(port)) {
                assertThat(server.port("listen")).isEqualTo(port);
                client.awaitLog("session up");
                Tunnel.echoes(client);
            }
        }
    }

    /** Takes the place of systemd. */
    private static Channel listen(Path socket, List<String> told) throws InterruptedException {
        return new Bootstrap()
                .group(LOOP)
                .channel(EpollDomainDatagramChannel.class)
                .handler(new SimpleChannelInboundHandler<DomainDatagramPacket>() {
                    @Override
                    protected void channelRead0(ChannelHandlerContext ctx, DomainDatagramPacket packet) {
                        told.add(packet.content().toString(StandardCharsets.UTF_8));
                    }
                })
                .bind(new DomainSocketAddress(socket.toString()))
                .sync()
                .channel();
    }

    @ParameterizedTest
    @ValueSource(strings = {"tunnel-client.service", "tunnel-server.service"})
    void systemdAcceptsTheUnit(String unit) throws IOException {
        boolean there = Files.isExecutable(Path.of("/usr/bin/systemd-analyze"));
        if (!there) {
            System.out.println("ServiceTest: no systemd-analyze here, " + unit + " is not verified");
        }
        assumeTrue(there, "no systemd-analyze");
        // The unit names the place where the package is installed: point it to where it was built.
        String text = Files.readString(AgentProcess.packaged("systemd/" + unit))
                .replace("/opt/culvert/", AgentProcess.packaged("") + "/");
        Path copy = Files.writeString(directory.resolve(unit), text);

        Programs.Result result =
                Programs.run("systemd-analyze", "--man=no", "--recursive-errors=no", "verify", copy.toString());

        assertThat(result.expect(0).output().lines().filter(line -> line.contains(unit)))
                .isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"tunnel-client.service", "tunnel-server.service"})
    void systemdWaitsLongerThanADrainTakes(String unit) throws IOException {
        Matcher stop = Pattern.compile("(?m)^TimeoutStopSec=(\\d+)s?$")
                .matcher(Files.readString(AgentProcess.packaged("systemd/" + unit)));
        Matcher drain = Pattern.compile("# timeout = (\\d+)s")
                .matcher(Files.readString(AgentProcess.packaged(
                                "conf/" + unit.replace("tunnel-", "").replace(".service", ".conf")))
                        .replaceAll("(?s).*\ndrain \\{", ""));
        assertThat(stop.find()).isTrue();
        assertThat(drain.find()).isTrue();

        assertThat(Duration.ofSeconds(Long.parseLong(stop.group(1))))
                .isGreaterThan(Duration.ofSeconds(Long.parseLong(drain.group(1))));
    }
}
