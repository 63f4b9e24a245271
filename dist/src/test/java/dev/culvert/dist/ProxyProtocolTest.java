package dev.culvert.dist;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ProxyProtocolTest {
    @TempDir
    Path directory;

    @ParameterizedTest
    @ValueSource(strings = {"v1", "v2"})
    @Tag("long")
    void nginxLogsTheAddressOfWhoHasConnectedToTheClient(String version) throws Exception {
        Programs.require("/usr/bin/curl", "PROXY protocol with curl");
        Programs.require(Nginx.PROGRAM, "PROXY protocol with nginx");
        int port = Service.freePort();
        try (Nginx nginx = new Nginx(
                        directory,
                        "server { listen 127.0.0.1:%d proxy_protocol; return 200 '$proxy_protocol_server_port'; }"
                                .formatted(port));
                Tunnel tunnel = Tunnel.builder()
                        .forward("web", "127.0.0.1:" + port)
                        .allow("127.0.0.1:" + port)
                        .client("forwards.web.proxy-protocol = " + version)
                        .open()) {
            Programs.Result result = Programs.run(
                    "/usr/bin/curl",
                    "-sS",
                    "--interface",
                    "127.0.0.77",
                    "http://127.0.0.1:" + tunnel.client().port("forwards.web") + "/" + version);

            assertThat(result.expect(0).output())
                    .isEqualTo(String.valueOf(tunnel.client().port("forwards.web")));
            Awaitility.await()
                    .untilAsserted(() -> assertThat(nginx.accessLog()).contains("127.0.0.77 GET /" + version));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"v1", "v2"})
    @Tag("long")
    void whatATrustedProxySaysIsTheSourceFromThereOn(String version) throws Exception {
        try (Service lines = Service.echo();
                Tunnel tunnel = Tunnel.to(lines)
                        .client("forwards.web { accept-proxy-protocol = \"127.0.0.2\", proxy-protocol = v1 }")
                        .open();
                Socket proxy = from("127.0.0.2", tunnel)) {
            proxy.getOutputStream().write(header(version));
            proxy.getOutputStream().write("hello".getBytes(UTF_8));
            proxy.shutdownOutput();

            assertThat(proxy.getInputStream().readAllBytes())
                    .asString(UTF_8)
                    .isEqualTo("PROXY TCP4 192.0.2.7 203.0.113.1 5555 443\r\nhello");
            tunnel.client().awaitLog("forward=web client=192.0.2.7:5555 .*end: closed");
            tunnel.server().awaitLog("forward=web client=tests@192.0.2.7:5555 .*end: closed");
        }
    }

    @Test
    @Tag("long")
    void whatSomebodyElseSaysIsNotBelieved() throws Exception {
        try (Service lines = Service.echo();
                Tunnel tunnel = Tunnel.to(lines)
                        .client("forwards.web { accept-proxy-protocol = \"127.0.0.2\" }")
                        .open();
                Socket liar = from("127.0.0.3", tunnel)) {
            liar.getOutputStream().write("PROXY TCP4 192.0.2.7 203.0.113.1 5555 443\r\nhello".getBytes(UTF_8));
            liar.shutdownOutput();

            assertThat(liar.getInputStream().readAllBytes()).asString(UTF_8).startsWith("PROXY TCP4 192.0.2.7");
            tunnel.client().awaitLog("forward=web client=127.0.0.3:" + liar.getLocalPort() + " .*end: closed");
        }
    }

    @Test
    @Tag("long")
    void aTrustedProxyThatSaysSomethingElseIsTurnedAway() throws Exception {
        try (Service lines = Service.echo();
                Tunnel tunnel = Tunnel.to(lines)
                        .client("forwards.web { accept-proxy-protocol = [\"127.0.0.0/29\"] }")
                        .open();
                Socket proxy = from("127.0.0.2", tunnel)) {
            proxy.getOutputStream().write("GET / HTTP/1.1\r\n\r\n".getBytes(UTF_8));

            assertThat(proxy.getInputStream().read()).isEqualTo(-1);
            tunnel.client().awaitLog("forwards.web: 127.0.0.2:" + proxy.getLocalPort() + " turned away: ");
        }
    }

    private static Socket from(String address, Tunnel tunnel) throws IOException {
        return from(address, tunnel.client().port("forwards.web"));
    }

    private static Socket from(String address, int port) throws IOException {
        Socket socket = new Socket();
        socket.bind(new InetSocketAddress(address, 0));
        Tunnel.connect(socket, port);
        return socket;
    }

    // ---- listeners of the server

    private static final String V1 = "PROXY TCP4 192.0.2.7 203.0.113.1 5555 443\r\n";

    private static Tunnel.Builder reverse(Service target, String listener, String reverse) {
        return Tunnel.builder()
                .server("clients.tests.offers = [web], listeners { web { listen = \"127.0.0.1:0\", %s } }"
                        .formatted(listener))
                .client("reverse { web { target = \"%s\", %s } }".formatted(target.address(), reverse));
    }

    private static Tunnel behindABalancer(Service target) {
        return reverse(target, "accept-proxy-protocol = \"127.0.0.2\"", "").open();
    }

    private static Socket toListener(String address, Tunnel tunnel) throws IOException {
        return from(address, tunnel.server().port("listeners.web"));
    }

    /** Version 2 of the same, with this command and family. */
    private static byte[] v2(int command, int family) {
        return ByteBuffer.allocate(28)
                .put("\r\n\r\n\0\r\nQUIT\n".getBytes(UTF_8))
                .put((byte) command)
                .put((byte) family)
                .putShort((short) 12)
                .put(new byte[] {(byte) 192, 0, 2, 7, (byte) 203, 0, 113, 1})
                .putShort((short) 5555)
                .putShort((short) 443)
                .array();
    }

    private static byte[] header(String version) {
        return version.equals("v1") ? V1.getBytes(UTF_8) : v2(0x21, 0x11);
    }

    @ParameterizedTest
    @ValueSource(strings = {"v1", "v2"})
    @Tag("long")
    void aListenerBelievesItsBalancerAndTheTargetHearsOfIt(String version) throws Exception {
        try (Service echo = Service.echo();
                Tunnel tunnel = reverse(echo, "accept-proxy-protocol = \"127.0.0.2\"", "proxy-protocol = v1")
                        .open();
                Socket balancer = toListener("127.0.0.2", tunnel)) {
            balancer.getOutputStream().write(header(version));
            balancer.getOutputStream().write("hello".getBytes(UTF_8));
            balancer.shutdownOutput();

            assertThat(balancer.getInputStream().readAllBytes()).asString(UTF_8).isEqualTo(V1 + "hello");
            tunnel.server().awaitLog("forward=reverse.web client=tests@192.0.2.7:5555 .*end: closed");
            tunnel.client().awaitLog("forward=reverse.web client=192.0.2.7:5555 .*end: closed");
        }
    }

    @Test
    @Tag("long")
    void whatComesWithAHeaderIsNotLost() throws Exception {
        long size = 3_000_000;
        try (Service digest = Service.digest();
                Tunnel tunnel = behindABalancer(digest);
                Socket balancer = toListener("127.0.0.2", tunnel)) {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            out.writeBytes(header("v2"));
            Bytes.source(7, size).transferTo(out);
            byte[] all = out.toByteArray();
            balancer.getOutputStream().write(all, 0, 20);
            balancer.getOutputStream().write(all, 20, all.length - 20);
            balancer.shutdownOutput();

            assertThat(balancer.getInputStream().readAllBytes()).isEqualTo(Bytes.digest(Bytes.source(7, size)));
        }
    }

    @Test
    @Tag("long")
    void aBalancerThatConnectsForItselfIsTheSource() throws Exception {
        try (Service echo = Service.echo();
                Tunnel tunnel = behindABalancer(echo)) {
            for (byte[] header : List.of("PROXY UNKNOWN\r\n".getBytes(UTF_8), v2(0x20, 0x00))) {
                try (Socket balancer = toListener("127.0.0.2", tunnel)) {
                    balancer.getOutputStream().write(header);
                    Tunnel.echo(balancer);
                    balancer.shutdownOutput();
                    assertThat(balancer.getInputStream().read()).isNegative();
                    tunnel.server()
                            .awaitLog("forward=reverse.web client=tests@127.0.0.2:" + balancer.getLocalPort()
                                    + " .*end: closed");
                }
            }
        }
    }

    @Test
    @Tag("long")
    void aListenerBelievesNobodyElse() throws Exception {
        try (Service echo = Service.echo();
                Tunnel tunnel = behindABalancer(echo);
                Socket liar = toListener("127.0.0.3", tunnel)) {
            liar.getOutputStream().write(V1.getBytes(UTF_8));
            liar.shutdownOutput();

            assertThat(liar.getInputStream().readAllBytes()).asString(UTF_8).isEqualTo(V1);
            tunnel.server()
                    .awaitLog("forward=reverse.web client=tests@127.0.0.3:" + liar.getLocalPort() + " .*end: closed");
        }
    }

    @Test
    @Tag("long")
    void aBalancerThatSendsNoHeaderIsTurnedAwayFromAListener() throws Exception {
        try (Service echo = Service.echo();
                Tunnel tunnel = behindABalancer(echo);
                Socket wrong = toListener("127.0.0.2", tunnel);
                Socket ended = toListener("127.0.0.2", tunnel)) {
            wrong.getOutputStream().write("GET / HTTP/1.1\r\n\r\n".getBytes(UTF_8));
            assertThat(wrong.getInputStream().read()).isNegative();
            turnedAway(tunnel, wrong, "no PROXY header, though 127.0.0.2 is in accept-proxy-protocol");

            ended.shutdownOutput();
            assertThat(ended.getInputStream().read()).isNegative();
            turnedAway(tunnel, ended, "the peer closed the connection before its PROXY header");
            assertThat(tunnel.client().log().matching("forward=reverse.web")).isEmpty();
        }
    }

    @Test
    @Tag("long")
    void aBalancerThatIsSilentIsTurnedAwayInTime() throws Exception {
        try (Service echo = Service.echo();
                Tunnel tunnel = behindABalancer(echo);
                Socket silent = toListener("127.0.0.2", tunnel)) {
            silent.getOutputStream().write("PROXY TCP4".getBytes(UTF_8));
            assertThat(silent.getInputStream().read()).isNegative();
            turnedAway(tunnel, silent, "no PROXY header in time");
        }
    }

    private static void turnedAway(Tunnel tunnel, Socket socket, String why) {
        tunnel.server().awaitLog("listeners.web: 127.0.0.2:" + socket.getLocalPort() + " turned away: " + why);
    }

    @Test
    @Tag("long")
    void whoHasNotSentAHeaderYetCountsAsAConnection() throws Exception {
        try (Service echo = Service.echo();
                Tunnel tunnel = reverse(echo, "accept-proxy-protocol = \"127.0.0.2\", max-connections = 1", "")
                        .open();
                Socket silent = toListener("127.0.0.2", tunnel);
                Socket next = toListener("127.0.0.3", tunnel)) {
            tunnel.server().awaitLog("listeners.web: 1 connections are open, the most it may have");
            silent.shutdownOutput();
            Tunnel.echo(next);
        }
    }

    @Test
    @Tag("long")
    void whomAListenerBelievesChangesWithAReload() throws Exception {
        try (Service echo = Service.echo();
                Tunnel tunnel = reverse(echo, "", "").open()) {
            int port = tunnel.server().port("listeners.web");
            tunnel.server()
                    .reload(reverse(echo, "accept-proxy-protocol = \"127.0.0.2\"", "")
                            .serverConfig(tunnel.server().port("listen")));
            tunnel.server().awaitLog("listeners.web: listener web, .*PROXY protocol from 127.0.0.2/32 from now on");
            try (Socket balancer = from("127.0.0.2", port)) {
                balancer.getOutputStream().write(header("v1"));
                Tunnel.echo(balancer);
                balancer.shutdownOutput();
                tunnel.server().awaitLog("forward=reverse.web client=tests@192.0.2.7:5555 .*end: closed");
            }
        }
    }

    // ---- sessions

    @Test
    void aServerBelievesTheLoadBalancerInFrontOfItAndNobodyElse() throws Exception {
        Programs.require(HaProxy.PROGRAM, "PROXY protocol to a server");
        int port = Service.freePort();
        try (Service echo = Service.echo();
                AgentProcess server = Tunnel.to(echo)
                        .server("accept-proxy-protocol = \"127.0.0.1\"")
                        .startServer(0)) {
            Path config =
                    Files.writeString(directory.resolve("haproxy.cfg"), """
                    defaults
                      mode tcp
                      timeout connect 5s
                      timeout client 60s
                      timeout server 60s
                    listen tunnel
                      bind 127.0.0.1:%d
                      server one 127.0.0.1:%d send-proxy-v2
                    """.formatted(port, server.port("listen")));
            try (Daemon haproxy = Daemon.start(port, HaProxy.PROGRAM, "-db", "-f", config.toString());
                    AgentProcess client = Tunnel.to(echo).startClient(port);
                    Socket socket = Tunnel.connect(client, "web")) {
                assertThat(haproxy).isNotNull();
                Tunnel.echo(socket);
                int from = Integer.parseInt(server.awaitLog("session from tests@127\\.0\\.0\\.1:(\\d+) up")
                        .group(1));
                assertThat(Programs.run("ss", "-Htn", "sport", "= :" + from).output())
                        .as("what the client has of its own")
                        .contains("127.0.0.1:" + from + " ")
                        .contains("127.0.0.1:" + port);
            }
            try (AgentProcess client = Tunnel.to(echo).startClient(server.port("listen"))) {
                client.awaitLog("no session with 127.0.0.1");
                server.awaitLog("no PROXY header, though 127.0.0.1 is in accept-proxy-protocol");
            }
        }
    }
}
