package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.culvert.common.admin.AdminClient;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An agent is seen and steered while it runs. */
final class AdminTest {
    private static final Pattern SAMPLE =
            Pattern.compile("[a-z_]+(\\{([a-z]+=\"[^\"\\\\]*\",?)+\\})? (-?[0-9.]+(E-?[0-9]+)?|\\+Inf|NaN)");

    private static final Service ECHO = Service.echo();

    @TempDir
    private Path directory = Path.of("");

    private Path socket = Path.of("");
    private Tunnel tunnel;

    @AfterAll
    static void closeEcho() throws IOException {
        ECHO.close();
    }

    @BeforeEach
    void open() throws IOException {
        socket = directory.resolve("client.sock");
        tunnel = Tunnel.to(ECHO)
                .client("admin.listen = [\"%s\", \"127.0.0.1:0\"]".formatted(socket))
                .server("admin.listen = \"%s\"".formatted(directory.resolve("server.sock")))
                .client("reverse.printer { target = \"%s\" }".formatted(ECHO.address()))
                .server("listeners.printer.listen = \"127.0.0.1:0\", clients.tests.offers = [\"printer\"]")
                .open();
    }

    @AfterEach
    void close() {
        tunnel.close();
    }

    private AdminClient client() {
        return new AdminClient(socket.toString());
    }

    private AdminClient server() {
        return new AdminClient(directory.resolve("server.sock").toString());
    }

    private AdminClient overTcp() {
        return new AdminClient("127.0.0.1:" + tunnel.client().port("admin"));
    }

    @Test
    void theStatusOfBothEndsNamesTheSameConnection() throws Exception {
        try (AdminClient client = client();
                AdminClient server = server();
                Socket connection = tunnel.connect()) {
            tunnel.server().port("listeners.printer"); // its stream is there, too
            connection.getOutputStream().write(new byte[1000]);
            Service.readFully(connection.getInputStream(), 1000);

            Config near = ConfigFactory.parseString(client.get("/status"));
            Config far = ConfigFactory.parseString(server.get("/status"));
            assertThat(near.getInt("schema")).isEqualTo(1);
            assertThat(near.getString("state")).isEqualTo("ready");
            assertThat(near.getConfigList("sessions")).singleElement().satisfies(session -> {
                assertThat(session.getString("state")).isEqualTo("up");
                assertThat(session.getInt("streams")).isEqualTo(2); // the connection, and an offer
                assertThat(session.getLong("sent")).isGreaterThan(1000);
            });
            assertThat(near.getConfigList("connections")).singleElement().satisfies(one -> {
                assertThat(one.getString("state")).isEqualTo("open");
                assertThat(one.getLong("in")).isEqualTo(1000);
                assertThat(one.getLong("out")).isEqualTo(1000);
                assertThat(one.getString("source")).isEqualTo("127.0.0.1:" + connection.getLocalPort());
            });
            assertThat(far.getConfigList("connections").get(0).getString("id"))
                    .isEqualTo(near.getConfigList("connections").get(0).getString("id"));
            assertThat(far.getConfigList("forwards").get(0).getString("client")).isEqualTo("tests");
        }
    }

    @Test
    @Tag("long")
    void metricsCountWhatHasPassed() throws Exception {
        try (Socket connection = tunnel.connect()) {
            connection.getOutputStream().write(new byte[1000]);
            Service.readFully(connection.getInputStream(), 1000);
        }
        tunnel.client().awaitLog("end: ");
        try (AdminClient client = overTcp()) {
            List<String> lines = client.get("/metrics").lines().toList();

            assertThat(lines)
                    .contains(
                            "culvert_connections_begun_total{client=\"\",forward=\"web\"} 1.0",
                            "culvert_socket_received_bytes_total{client=\"\",forward=\"web\"} 1000.0",
                            "culvert_connection_opening_seconds_count{client=\"\",forward=\"web\"} 1")
                    .allSatisfy(line -> assertThat(line.startsWith("# ")
                                    || SAMPLE.matcher(line).matches())
                            .as(line)
                            .isTrue());
            await().atMost(AgentProcess.PATIENCE)
                    .untilAsserted(() -> assertThat(client.get("/metrics"))
                            .containsPattern("culvert_round_trip_seconds_count\\{client=\"\"} [1-9]"));
        }
    }

    @Test
    @Tag("long")
    void aForwardIsCountedFromNoughtOn() throws Exception {
        try (AgentProcess idle = AgentProcess.client()
                        .config("""
                                upstream { servers = ["127.0.0.1:9"], tls = off }
                                forwards { idle { listen = "127.0.0.1:0", target = "127.0.0.1:9" } }
                                reverse { web { target = "127.0.0.1:9" } }
                                admin.listen = "%s"
                                """.formatted(directory.resolve("idle.sock")))
                        .start();
                AdminClient client =
                        new AdminClient(directory.resolve("idle.sock").toString())) {
            idle.awaitLog("listening");
            assertThat(client.get("/metrics"))
                    .contains("culvert_connections_begun_total{client=\"\",forward=\"idle\"} 0.0")
                    .contains("culvert_connections_begun_total{client=\"\",forward=\"reverse.web\"} 0.0")
                    .contains("culvert_connections_ended_total{client=\"\",code=\"closed\",forward=\"idle\"} 0.0");
        }
    }

    @Test
    @Tag("long")
    void operationsMdNamesEveryMetricAndEveryFieldOfTheStatus() throws Exception {
        String docs = Files.readString(AgentProcess.source("docs/operations.md"));
        Tunnel.echoes(tunnel.client());
        tunnel.client().awaitLog(" end: ");
        try (AdminClient client = client();
                Socket connection = tunnel.connect()) {
            connection.getOutputStream().write('x');
            Service.readFully(connection.getInputStream(), 1);
            await().atMost(AgentProcess.PATIENCE)
                    .until(() -> !ConfigFactory.parseString(client.get("/status"))
                            .getConfigList("history")
                            .isEmpty());
            Set<String> named = found("(?m)^\\| `(culvert_\\w+)`", docs);

            assertThat(found("(?m)^# TYPE (\\S+)", client.get("/metrics"))).isEqualTo(named);

            String fields = docs.substring(docs.indexOf("| top |"), docs.indexOf("### Metrics"));
            assertThat(found("\"(\\w+)\":", client.get("/status"))).isEqualTo(found("`(\\w+)(?:\\[])?`", fields));
        }
    }

    @Test
    @Tag("long")
    void promtoolHasNothingToSayAboutTheMetrics() throws Exception {
        Programs.require("/usr/bin/promtool", "AdminTest: whether Prometheus likes the metrics");
        Tunnel.echoes(tunnel.client());
        tunnel.client().awaitLog(" end: ");
        for (AdminClient agent : List.of(client(), server())) {
            try (agent) {
                Path metrics = Files.writeString(directory.resolve("metrics"), agent.get("/metrics"));
                assertThat(Programs.run(
                                        "sh",
                                        "-c",
                                        "exec \"$0\" check metrics <\"$1\"",
                                        "/usr/bin/promtool",
                                        metrics.toString())
                                .expect(0)
                                .output())
                        .isEmpty();
            }
        }
    }

    private static Set<String> found(String regex, String text) {
        return Pattern.compile(regex)
                .matcher(text)
                .results()
                .map(match -> match.group(1))
                .collect(Collectors.toCollection(TreeSet::new));
    }

    @Test
    @Tag("long")
    void probesSayWhyTheyFail() throws Exception {
        try (AdminClient client = client()) {
            assertThat(client.get("/livez")).isEqualTo("ok\n");
            assertThat(client.get("/readyz")).isEqualTo("ok\n");
            tunnel.server().kill();

            await().atMost(AgentProcess.PATIENCE)
                    .untilAsserted(() -> assertThatThrownBy(() -> client.get("/readyz"))
                            .hasMessageContaining("no session to a server: cannot connect: 127.0.0.1:"));
            assertThat(client.get("/livez")).isEqualTo("ok\n");
        }
    }

    @Test
    @Tag("long")
    void aKilledConnectionIsReset() throws Exception {
        try (AdminClient client = client();
                Socket connection = tunnel.connect()) {
            connection.getOutputStream().write('x');
            Service.readFully(connection.getInputStream(), 1);
            String id = ConfigFactory.parseString(client.get("/status"))
                    .getConfigList("connections")
                    .get(0)
                    .getString("id");

            assertThat(client.post("/kill?id=" + id)).isEqualTo("killed " + id + "\n");

            assertThatThrownBy(() -> connection.getInputStream().read()).isInstanceOf(SocketException.class);
            assertThat(tunnel.client().awaitEnding("web", connection).reason()).contains("killed by an administrator");
            assertThatThrownBy(() -> client.post("/kill?id=nobody"))
                    .hasMessage("there is no connection 'nobody'; `conns` names those there are");
        }
    }

    @Test
    @Tag("long")
    void aReloadSaysWhatCameOfIt() throws Exception {
        try (AdminClient client = client()) {
            assertThat(client.post("/reload")).startsWith("reloaded ");
            tunnel.client().rewriteConfig("forwards = nonsense");

            assertThatThrownBy(() -> client.post("/reload"))
                    .hasMessageStartingWith("not reloaded, nothing has changed:")
                    .hasMessageContaining("forwards");
        }
    }

    @Test
    @Tag("long")
    void toDrainIsSaidTwiceAndCutsNobodyOff() throws Exception {
        try (AdminClient client = client();
                Socket connection = tunnel.connect()) {
            connection.getOutputStream().write('x');
            Service.readFully(connection.getInputStream(), 1);
            client.post("/drain");
            tunnel.client().awaitLog("draining: 1 connections left");

            client.post("/drain");
            assertThatThrownBy(() -> client.get("/readyz")).hasMessage("this agent drains");
            Config status = ConfigFactory.parseString(client.get("/status"));
            assertThat(status.getString("state")).isEqualTo("draining");
            assertThat(status.getStringList("reasons")).containsExactly("this agent drains");
            connection.getOutputStream().write('y');
            assertThat(Service.readFully(connection.getInputStream(), 1)).isEqualTo(new byte[] {'y'});
        }
        assertThat(tunnel.client().awaitExit()).isZero();
        assertThat(tunnel.client().log().matching("second signal")).isEmpty();
    }

    @Test
    @Tag("long")
    void onTcpOneCanOnlyLook() throws Exception {
        try (AdminClient client = overTcp()) {
            assertThat(client.get("/livez")).isEqualTo("ok\n");
            for (String path :
                    List.of("/drain", "/reload", "/plan", "/measure", "/upgrade", "/kill?id=1", "/hand-over")) {
                assertThatThrownBy(() -> client.post(path)).hasMessageContaining("here one can only look");
            }
        }
        try (Socket socket = Tunnel.connectTo(tunnel.client().port("admin"))) {
            socket.getOutputStream().write(Bytes.ascii("CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: localhost\r\n\r\n"));
            assertThat(new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII))
                    .startsWith("HTTP/1.1 403 ");
        }
    }

    @Test
    @Tag("long")
    void whoCanOnlyLookLeavesThePlacesOfWhoMayAct() throws Exception {
        List<Socket> looking = new ArrayList<>();
        try (AdminClient client = client()) {
            for (int i = 0; i < 9; i++) {
                looking.add(Tunnel.connectTo(tunnel.client().port("admin")));
            }
            assertThat(looking.get(8).getInputStream().read()).isEqualTo(-1); // so all of the others are there

            assertThat(client.post("/reload")).startsWith("reloaded ");
        } finally {
            for (Socket one : looking) {
                one.close();
            }
        }
    }

    @Test
    @Tag("long")
    void aWebPageFromElsewhereCanNotLookByANameThatLeadsHere() throws Exception {
        try (Socket admin = Tunnel.connectTo(tunnel.client().port("admin"))) {
            admin.getOutputStream().write(Bytes.ascii("GET /status HTTP/1.1\r\nHost: evil.example:80\r\n\r\n"));

            assertThat(new String(admin.getInputStream().readAllBytes(), StandardCharsets.US_ASCII))
                    .startsWith("HTTP/1.1 403 Forbidden")
                    .endsWith("ask for this machine by its loopback address, not by another name\n");
        }
    }

    @Test
    @Tag("long")
    void theSocketIsForItsOwnerAndGroupAndGoesWithTheAgent() throws Exception {
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)))
                .isEqualTo("rw-rw----");
        try (AdminClient client = client()) {
            assertThat(client.post("/drain")).isEqualTo("draining\n");
        }
        assertThat(tunnel.client().awaitExit()).isZero();
        assertThat(socket).doesNotExist();
    }
}
