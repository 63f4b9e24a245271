package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A client that reaches its server only by a proxy: the server has a name that only the proxy knows. */
class ProxyTest {
    private static final int SIZE = 3_000_000;
    private static final long SEED = 7;
    private static final Service ECHO = Service.echo();

    @TempDir
    private Path directory;

    private static Tunnel.Builder tunnel(String proxy) {
        return Tunnel.to(ECHO).byName(ForwardProxy.NAME).client("upstream.proxy = \"" + proxy + "\"");
    }

    /** Both ways at once. */
    private static void transfer(AgentProcess client) throws Exception {
        try (Socket socket = Tunnel.connect(client, "web")) {
            Thread sending = new Thread(() -> {
                try {
                    Bytes.source(SEED, SIZE).transferTo(socket.getOutputStream());
                    socket.shutdownOutput();
                } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                }
            });
            sending.start();
            assertThat(Bytes.digest(socket.getInputStream())).isEqualTo(Bytes.digest(Bytes.source(SEED, SIZE)));
            sending.join();
        }
    }

    @ParameterizedTest
    @Tag("long")
    @CsvSource({"http,", "http, me:se%40cret", "socks5,", "socks5h, me:se%40cret"})
    void theSessionGoesByIt(String scheme, String login) throws Exception {
        try (ForwardProxy proxy = new ForwardProxy(login == null ? null : "me:se@cret")) {
            String url = scheme + "://" + (login == null ? "" : login + "@") + "127.0.0.1:" + proxy.port();
            String shown = scheme.substring(0, scheme.equals("socks5h") ? 6 : scheme.length()) + "://127.0.0.1:"
                    + proxy.port();
            Tunnel.Builder builder = tunnel(url);
            try (AgentProcess server = builder.startServer(0)) {
                int port = server.port("listen");
                try (AgentProcess client = builder.startClient(port)) {
                    client.awaitLog(
                            "session up, server tunnel.test:" + port + " through the proxy " + shown + ", culvert");
                    transfer(client);

                    assertThat(proxy.asked()).containsExactly("tunnel.test:" + port);
                    assertThat(client.log().toString()).doesNotContain("cret");
                }
            }
        }
    }

    @Test
    void theEnvironmentMayNameIt() throws Exception {
        try (ForwardProxy proxy = new ForwardProxy(null)) {
            Tunnel.Builder builder = Tunnel.to(ECHO)
                    .byName(ForwardProxy.NAME)
                    .each(agent -> agent.environment("HTTPS_PROXY", "http://127.0.0.1:" + proxy.port()));
            try (AgentProcess server = builder.startServer(0);
                    AgentProcess client = builder.startClient(server.port("listen"))) {
                client.awaitLog("session up, .* through the proxy http://");
                transfer(client);
            }
        }
    }

    @Test
    @Tag("long")
    void theLinkIsLostAndTheSessionGoesOnByIt() throws Exception {
        try (ForwardProxy proxy = new ForwardProxy(null)) {
            Tunnel.Builder builder = tunnel("http://127.0.0.1:" + proxy.port());
            try (AgentProcess server = builder.startServer(0);
                    AgentProcess client = builder.startClient(server.port("listen"));
                    Socket socket = Tunnel.connect(client, "web")) {
                Tunnel.echo(socket);
                proxy.cut();

                client.awaitLog("goes on after .* 1 connections");
                Tunnel.echo(socket);
                assertThat(proxy.asked()).hasSize(2);
            }
        }
    }

    @Test
    @Tag("long")
    void aReloadPutsAnotherInItsPlaceAndWhatIsOpenGoesOn() throws Exception {
        try (ForwardProxy first = new ForwardProxy(null);
                ForwardProxy second = new ForwardProxy("me:secret")) {
            Tunnel.Builder builder = tunnel("http://127.0.0.1:" + first.port());
            try (AgentProcess server = builder.startServer(0);
                    AgentProcess client = builder.startClient(server.port("listen"));
                    Socket socket = Tunnel.connect(client, "web")) {
                Tunnel.echo(socket);

                client.reload(
                        tunnel("socks5://me:secret@127.0.0.1:" + second.port()).clientConfig(server.port("listen")));
                client.awaitLog("session up, .* through the proxy socks5://127.0.0.1:" + second.port());

                Tunnel.echo(socket);
                Tunnel.echoes(client);
                assertThat(second.asked()).hasSize(1);
                assertThat(client.log().toString()).doesNotContain("secret");
            }
        }
    }

    @Test
    void aWrongPasswordIsSaidToBeWrongAndNotPrinted() throws Exception {
        try (ForwardProxy proxy = new ForwardProxy("me:right")) {
            Path file = Files.writeString(directory.resolve("password"), "secret");
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
            Tunnel.Builder builder = tunnel("http://me@127.0.0.1:" + proxy.port())
                    .client("upstream.proxy-password-file = \"" + file + "\"");
            try (AgentProcess client = builder.startClient(7443)) {
                client.awaitLog("cannot connect: tunnel.test:7443: the proxy http://127.0.0.1:" + proxy.port()
                        + " does not accept the user name and password \\(407\\): correct them in upstream.proxy");
                assertThat(client.log().toString()).doesNotContain("secret");
            }
        }
    }

    @Test
    @Tag("long")
    void aProxyThatIsNotThereIsSaidNotToBe() throws Exception {
        int port = Service.freePort();
        try (AgentProcess client = tunnel("http://127.0.0.1:" + port).startClient(7443)) {
            client.awaitLog("the proxy http://127.0.0.1:" + port
                    + " cannot be reached: .*connection refused.*\\. Start it, or correct upstream.proxy");
        }
    }

    // ---- commands

    private Programs.Result run(Path config, String... words) {
        List<String> command = new ArrayList<>(List.of("-c", config.toString()));
        command.addAll(List.of(words));
        return Programs.run(Launcher.command("tunnel-client", command.toArray(String[]::new)));
    }

    @Test
    @Tag("long")
    void checkDoctorAndEnrollGoByIt() throws Exception {
        try (ForwardProxy proxy = new ForwardProxy("me:secret")) {
            Tunnel.Builder builder = tunnel("http://me:secret@127.0.0.1:" + proxy.port());
            try (AgentProcess server = builder.startServer(0)) {
                String address = "tunnel.test:" + server.port("listen");
                String by = " through the proxy http://127.0.0.1:" + proxy.port();
                Path config = Files.writeString(
                        directory.resolve("client.conf"), builder.clientConfig(server.port("listen")));

                String check = run(config, "check").expect(0).output();
                String doctor = run(config, "doctor").output();
                String enroll = run(config, "enroll", address).expect(0).output();

                assertThat(check).containsPattern("upstream   culvert, .*," + by + "\n");
                assertThat(doctor)
                        .contains("ok    name           127.0.0.1 is 127.0.0.1")
                        .contains("ok    connection     " + address + by + " accepts, within ")
                        .contains("ok    session        up, culvert (0x82)");
                assertThat(enroll).contains(address + " shows the key " + Keys.SERVER.fingerprint());
                assertThat(proxy.asked()).containsExactly(address, address);
                assertThat(check + doctor + enroll).doesNotContain("secret");
            }
            Path config = Files.writeString(
                    directory.resolve("client.conf"),
                    tunnel("http://127.0.0.1:" + proxy.port()).clientConfig(7443));
            assertThat(run(config, "doctor").expect(1).output())
                    .containsPattern("BAD   connection     tunnel.test:7443: the proxy .* asks for a user name and"
                            + " password \\(407\\): write .*\n +`curl -v --proxytunnel -x ");
        }
    }

    // ---- proxies of others

    private static void isLedBy(String name, String url, int port, String... command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        Log log = new Log(name, process.getInputStream());
        try {
            awaitListening(port, log);
            Tunnel.Builder builder = Tunnel.to(ECHO).client("upstream.proxy = \"" + url + "\"");
            try (AgentProcess server = builder.startServer(0);
                    AgentProcess client = builder.startClient(server.port("listen"))) {
                client.awaitLog("session up, .* through the proxy ");
                transfer(client);
            }
        } finally {
            process.destroy();
        }
    }

    private static void awaitListening(int port, Log log) {
        org.awaitility.Awaitility.await("a proxy listens: " + log)
                .atMost(AgentProcess.PATIENCE)
                .ignoreExceptions()
                .until(() -> {
                    Tunnel.connectTo(port).close();
                    return true;
                });
    }

    @ParameterizedTest
    @Tag("long")
    @ValueSource(strings = {"", "me:secret"})
    void tinyproxyLeadsToTheServer(String login) throws Exception {
        Programs.require("/usr/bin/tinyproxy", "ProxyTest: that tinyproxy leads to the server");
        int port = Service.freePort();
        Path config = Files.writeString(directory.resolve("tinyproxy.conf"), """
                Port %d
                Listen 127.0.0.1
                %s
                """.formatted(
                        port, login.isEmpty() ? "" : "BasicAuth " + login.replace(':', ' ')));
        isLedBy(
                "tinyproxy",
                "http://" + (login.isEmpty() ? "" : login + "@") + "127.0.0.1:" + port,
                port,
                "/usr/bin/tinyproxy",
                "-d",
                "-c",
                config.toString());
    }

    @ParameterizedTest
    @Tag("long")
    @ValueSource(strings = {"", "me:secret"})
    void microsocksLeadsToTheServer(String login) throws Exception {
        Programs.require("/usr/bin/microsocks", "ProxyTest: that microsocks leads to the server");
        int port = Service.freePort();
        List<String> command =
                new ArrayList<>(List.of("/usr/bin/microsocks", "-i", "127.0.0.1", "-p", String.valueOf(port)));
        if (!login.isEmpty()) {
            command.addAll(List.of("-u", "me", "-P", "secret"));
        }
        isLedBy(
                "microsocks",
                "socks5://" + (login.isEmpty() ? "" : login + "@") + "127.0.0.1:" + port,
                port,
                command.toArray(new String[0]));
    }
}
