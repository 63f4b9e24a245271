package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.Socket;
import java.net.SocketException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** An agent without a file descriptor left waits for one. */
@Tag("long")
final class DescriptorsTest {
    private static final Service ECHO = Service.echo();
    /** More than an idle agent has, and fewer than it would like to. */
    private static final int LIMIT = 100;

    @AfterAll
    static void close() throws IOException {
        ECHO.close();
    }

    @Test
    void aClientWithoutDescriptorsSaysSoOnceAndGoesOnWhenConnectionsEnd() throws Exception {
        Tunnel.Builder builder = Tunnel.to(ECHO);
        try (AgentProcess server = builder.startServer(0);
                AgentProcess client = AgentProcess.client()
                        .config(builder.clientConfig(server.port("listen")))
                        .descriptors(LIMIT)
                        .start()) {
            client.awaitLog("session up");
            List<Socket> sockets = new ArrayList<>();
            for (int i = 0; i < LIMIT; i++) {
                sockets.add(Tunnel.connect(client, "web"));
            }
            client.awaitLog("WARN .*forwards.web: cannot accept, .*no file descriptor is left; raise LimitNOFILE");

            Tunnel.echo(sockets.get(0));
            Duration before = client.processorTime();
            await().during(Duration.ofSeconds(2))
                    .atMost(Duration.ofSeconds(20))
                    .until(() -> client.log().matching("cannot accept").size() == 1);
            assertThat(client.processorTime().minus(before)).isLessThan(Duration.ofSeconds(1));

            Socket last = sockets.remove(LIMIT - 1);
            for (Socket socket : sockets) {
                socket.close();
            }
            try (last) {
                Tunnel.echo(last);
            }
            client.awaitLog("forwards.web: accepting again");
        }
    }

    @Test
    void aServerWithoutDescriptorsResetsWhatItCannotDialAndGoesOnWhenConnectionsEnd() throws Exception {
        Tunnel.Builder builder = Tunnel.to(ECHO);
        try (AgentProcess server = AgentProcess.server()
                        .config(builder.serverConfig(0))
                        .descriptors(LIMIT)
                        .start();
                AgentProcess client = builder.startClient(server.port("listen"))) {
            client.awaitLog("session up");
            List<Socket> sockets = new ArrayList<>();
            for (int i = 0; i < LIMIT; i++) {
                try {
                    sockets.add(Tunnel.connect(client, "web"));
                } catch (SocketException e) {
                    assertThat(e).hasMessageContaining("reset"); // faster than it was connected
                }
            }
            assertThat(Tunnel.awaitReset(client, "web").reason())
                    .contains("limit reached")
                    .contains("no file descriptor is left, raise the limit on open files");

            Tunnel.echo(sockets.get(0));
            for (Socket socket : sockets) {
                socket.close();
            }
            await().atMost(AgentProcess.PATIENCE).until(() -> ECHO.connections() == 0);
            try (Socket socket = Tunnel.connect(client, "web")) {
                Tunnel.echo(socket);
            }
        }
    }
}
