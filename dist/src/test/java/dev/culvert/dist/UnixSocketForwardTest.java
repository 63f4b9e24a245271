package dev.culvert.dist;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UnixSocketForwardTest {
    @TempDir
    Path directory;

    @Test
    @Tag("long")
    void curlReachesADaemonsUnixSocketByOneOfTheClient() throws Exception {
        Programs.require("/usr/bin/curl", "unix sockets with curl");
        Programs.require(Nginx.PROGRAM, "a daemon's unix socket");
        Path daemon = directory.resolve("daemon.sock");
        Path local = directory.resolve("local.sock");
        try (Nginx nginx =
                        new Nginx(directory, "server { listen unix:%s; return 200 'as a daemon'; }".formatted(daemon));
                Tunnel tunnel = Tunnel.builder()
                        .allow("unix:" + daemon)
                        .client("forwards.daemon { listen = \"unix:%s\", target = \"unix:%s\", mode = \"0600\" }"
                                .formatted(local, daemon))
                        .open()) {
            Programs.Result result = Programs.run(
                    "/usr/bin/curl", "-sS", "--max-time", "10", "--unix-socket", local.toString(), "http://x/version");

            assertThat(result.expect(0).output()).isEqualTo("as a daemon");
            assertThat(nginx.accessLog()).contains("GET /version");
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(local)))
                    .isEqualTo("rw-------");
            tunnel.client()
                    .awaitLog("forward=daemon client=unix:pid=\\d+,uid=\\d+ target=unix:" + daemon + " .*end: closed");
            tunnel.server().awaitLog("forward=daemon .*target=unix:" + daemon + " .*end: closed");
        }
        assertThat(local).doesNotExist();
    }

    @Test
    @Tag("long")
    void whoMayConnectChangesWithAReload() throws Exception {
        Path local = directory.resolve("local.sock");
        Tunnel.Builder builder = Tunnel.builder()
                .allow("127.0.0.1:1")
                .client("forwards.daemon { listen = \"unix:%s\", target = \"127.0.0.1:1\" }".formatted(local));
        try (AgentProcess server = builder.startServer(0);
                AgentProcess client = builder.startClient(server.port("listen"))) {
            client.awaitLog("session up");
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(local)))
                    .isEqualTo("rw-rw----");
            String before = builder.clientConfig(server.port("listen"));

            client.reload(before + "forwards.daemon.mode = \"0600\"\n");
            client.awaitLog("daemon: daemon  unix:" + local + " \\(rw-------\\) -> 127.0.0.1:1 from now on");
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(local)))
                    .isEqualTo("rw-------");

            client.reload(before + "forwards.daemon { mode = \"0666\", group = \"there is none\" }\n");
            client.awaitLog(
                    "forwards.daemon.group: found \"there is none\", and there is no such group on this machine");
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(local)))
                    .isEqualTo("rw-------");
        }
    }

    @Test
    void halfCloseGoesThrough() throws Exception {
        Path daemon = directory.resolve("echo.sock");
        try (ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            listener.bind(UnixDomainSocketAddress.of(daemon));
            CompletableFuture<Integer> heard = CompletableFuture.supplyAsync(() -> countThenAnswer(listener));
            try (Tunnel tunnel = Tunnel.builder()
                            .allow("unix:" + directory + "/*")
                            .client("forwards.echo { listen = \"127.0.0.1:0\", target = \"unix:%s\" }"
                                    .formatted(daemon))
                            .open();
                    var socket = tunnel.connect("echo")) {
                socket.getOutputStream().write(new byte[300_000]);
                socket.shutdownOutput();

                assertThat(socket.getInputStream().readAllBytes()).asString().isEqualTo("all of it");
                assertThat(heard.get(AgentProcess.PATIENCE.toSeconds(), TimeUnit.SECONDS))
                        .isEqualTo(300_000);
            }
        }
    }

    private static int countThenAnswer(ServerSocketChannel listener) {
        try (SocketChannel channel = listener.accept()) {
            ByteBuffer buffer = ByteBuffer.allocate(64 << 10);
            int count = 0;
            for (int read = channel.read(buffer); read >= 0; read = channel.read(buffer.clear())) {
                count += read;
            }
            channel.write(UTF_8.encode("all of it"));
            return count;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    @Tag("long")
    void noRuleForHostsCoversAUnixSocket() throws Exception {
        try (Tunnel tunnel = Tunnel.builder()
                .allow("*:1-65535")
                .forward("daemon", "unix:" + directory.resolve("daemon.sock"))
                .open()) {
            assertThat(Tunnel.awaitReset(tunnel.client(), "daemon").reason())
                    .contains("forbidden: no allow rule of tests covers unix:");
        }
    }

    @Test
    @Tag("long")
    void aSocketThatIsNotThereIsSaidToBeThat() throws Exception {
        try (Tunnel tunnel = Tunnel.builder()
                .allow("unix:" + directory + "/*")
                .forward("daemon", "unix:" + directory.resolve("daemon.sock"))
                .open()) {
            assertThat(Tunnel.awaitReset(tunnel.client(), "daemon").reason())
                    .isEqualTo("reset: connection refused: unix:" + directory.resolve("daemon.sock")
                            + ": there is no such socket");
        }
    }
}
