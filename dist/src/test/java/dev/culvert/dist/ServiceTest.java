package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.typesafe.config.ConfigFactory;
import dev.culvert.common.admin.AdminClient;
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
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** As a service of systemd. */
final class ServiceTest {
    private static final String ANALYZE = "/usr/bin/systemd-analyze";
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
    @Tag("long")
    void systemdIsToldOfAnUpgradeByWhoWasItsMainProcessAndThenByTheNewOne() throws Exception {
        Path socket = directory.resolve("notify");
        Path admin = directory.resolve("server.sock");
        List<String> told = new CopyOnWriteArrayList<>();
        Channel systemd = listen(socket, told);
        try (Service echo = Service.echo();
                AgentProcess server = AgentProcess.server()
                        .config(Tunnel.to(echo)
                                .server("admin.listen = \"" + admin + "\"")
                                .serverConfig(0))
                        .environment("NOTIFY_SOCKET", socket.toString())
                        .environment("WATCHDOG_USEC", "400000")
                        .start();
                AdminClient agent = new AdminClient(admin.toString())) {
            await().atMost(AgentProcess.PATIENCE).until(() -> told.contains("WATCHDOG=1"));
            try (AgentProcess byHand = server.successor()) {
                assertThat(byHand.awaitExit()).isEqualTo(1);
                byHand.awaitLog("it is a service of systemd, .*: `upgrade` has it do that");
            }

            assertThat(agent.post("/upgrade")).contains("has taken over");
            await().atMost(AgentProcess.PATIENCE).until(() -> !server.isAlive());
            long pid = ConfigFactory.parseString(agent.get("/status")).getLong("pid");
            await().atMost(AgentProcess.PATIENCE).until(() -> told.contains("MAINPID=" + pid));
            int changed = told.indexOf("MAINPID=" + pid);
            await().atMost(AgentProcess.PATIENCE)
                    .untilAsserted(() -> assertThat(told.stream().skip(changed + 1))
                            .startsWith("READY=1")
                            .contains("WATCHDOG=1"));
            assertThat(told).doesNotContain("STOPPING=1");

            agent.post("/drain");
            await().atMost(AgentProcess.PATIENCE).until(() -> told.contains("STOPPING=1"));
            await().atMost(AgentProcess.PATIENCE)
                    .until(() -> ProcessHandle.of(pid).isEmpty());
        } finally {
            systemd.close().sync();
        }
    }

    @Test
    void aSocketOfSystemdIsAcceptedFrom() throws Exception {
        Programs.require(
                "/usr/bin/systemd-socket-activate", "ServiceTest: whether a socket of systemd is accepted from");
        int port = Service.freePort();
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
                server.awaitLog("WARN .*passed is on 127.0.0.1:" + port + ", and that counts, not 127.0.0.1:1");
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
    @ValueSource(
            strings = {
                "tunnel-client.service",
                "tunnel-client@.service",
                "tunnel-server.service",
                "tunnel-server@.service",
                "tunnel-server.socket"
            })
    void systemdAcceptsTheUnit(String unit) throws IOException {
        Programs.require(ANALYZE, "ServiceTest: whether systemd accepts " + unit);
        // The units name the place where the package is installed: point them to where it was built.
        try (Stream<Path> units = Files.list(AgentProcess.packaged("systemd"))) {
            for (Path file : units.toList()) {
                String text = Files.readString(file).replace("/opt/culvert/", AgentProcess.packaged("") + "/");
                Files.writeString(directory.resolve(file.getFileName()), text);
            }
        }

        Programs.Result result = Programs.run(
                ANALYZE,
                "--man=no",
                "--recursive-errors=no",
                "verify",
                directory.resolve(unit).toString());

        assertThat(result.expect(0).output().lines().filter(line -> line.contains(unit.replaceFirst("\\..*", ""))))
                .isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "tunnel-client.service",
                "tunnel-client@.service",
                "tunnel-server.service",
                "tunnel-server@.service"
            })
    void aServiceMayDoLittleBesideItsWork(String unit) {
        Programs.require(ANALYZE, "ServiceTest: how well " + unit + " is locked in");

        // Of 10.0; the threshold is in tenths.
        Programs.Result result = Programs.run(
                ANALYZE,
                "security",
                "--no-pager",
                "--offline=true",
                "--threshold=15",
                AgentProcess.packaged("systemd/" + unit).toString());

        System.out.println(
                result.expect(0).output().lines().reduce((first, last) -> last).orElse(""));
    }

    @Test
    void allServicesAreTheSameButForTheirNames() throws IOException {
        String client = unit("tunnel-client.service");

        assertThat(unit("tunnel-server.service"))
                .isEqualTo(client.replace("tunnel-client", "tunnel-server")
                        .replace("tunnel client", "tunnel server")
                        .replace("client.conf", "server.conf")
                        .replace("client.key", "server.key"));
        for (String agent : List.of("client", "server")) {
            assertThat(unit("tunnel-" + agent + "@.service"))
                    .isEqualTo(unit("tunnel-" + agent + ".service")
                            .replace("/etc/culvert/" + agent + ".conf", "/etc/culvert/" + agent + "-%i.conf")
                            .replaceFirst("(?m)^Description=.*", "$0 %i"));
        }
    }

    private static String unit(String name) throws IOException {
        return Files.readString(AgentProcess.packaged("systemd/" + name));
    }

    @ParameterizedTest
    @ValueSource(strings = {"client", "server"})
    void systemdWaitsLongerThanADrainTakes(String agent) throws IOException {
        Matcher stop = Pattern.compile("(?m)^TimeoutStopSec=(\\d+)s?$").matcher(unit("tunnel-" + agent + ".service"));
        Matcher drain = Pattern.compile("# timeout = (\\d+)s")
                .matcher(Files.readString(AgentProcess.packaged("conf/" + agent + ".conf"))
                        .replaceAll("(?s).*\ndrain \\{", ""));
        assertThat(stop.find()).isTrue();
        assertThat(drain.find()).isTrue();

        assertThat(Duration.ofSeconds(Long.parseLong(stop.group(1))))
                .isGreaterThan(Duration.ofSeconds(Long.parseLong(drain.group(1))));
    }
}
