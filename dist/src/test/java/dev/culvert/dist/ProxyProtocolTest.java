package dev.culvert.dist;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
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
    void nginxLogsTheAddressOfWhoHasConnectedToTheClient(String version) throws Exception {
        Programs.require("/usr/bin/curl", "PROXY protocol with curl");
        Programs.require(Nginx.PROGRAM, "PROXY protocol with nginx");
        int port = Daemon.freePort();
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

    @Test
    void whatATrustedProxySaysIsTheSourceFromThereOn() throws Exception {
        try (Service lines = Service.echo();
                Tunnel tunnel = Tunnel.to(lines)
                        .client("forwards.web { accept-proxy-protocol = \"127.0.0.2\", proxy-protocol = v1 }")
                        .open();
                Socket proxy = from("127.0.0.2", tunnel)) {
            proxy.getOutputStream().write("PROXY TCP4 192.0.2.7 203.0.113.1 5555 443\r\nhello".getBytes(UTF_8));
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
        Socket socket = new Socket();
        socket.bind(new InetSocketAddress(address, 0));
        Tunnel.connect(socket, tunnel.client().port("forwards.web"));
        return socket;
    }

    @Test
    void aServerBelievesTheLoadBalancerInFrontOfItAndNobodyElse() throws Exception {
        Programs.require(HaProxy.PROGRAM, "PROXY protocol to a server");
        int port = Daemon.freePort();
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
                server.awaitLog("no PROXY header, though .*127.0.0.1.* is in accept-proxy-protocol");
            }
        }
    }
}
