package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.culvert.common.admin.AdminClient;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Consumer;
import org.awaitility.core.ConditionTimeoutException;
import org.awaitility.core.ThrowingRunnable;
import org.jspecify.annotations.Nullable;

/**
 * Where something is done to a tunnel: a server and a client with the forwards {@code web}, to an echo, and
 * {@code shell}, and between them a {@link Link} or a {@link Network}.
 */
final class Scene implements AutoCloseable {
    /** What pools take for traffic that they have not seen before; a buffer that is lost is found by leak detection. */
    private static final long BUFFER_SLACK = 64 << 20;

    private static final int DESCRIPTOR_SLACK = 2;

    private final Path directory;
    private final Service echo = Service.echo();
    private final Service shell = Service.of(Scene::shell);
    private final Tunnel.Builder tunnel;
    private final @Nullable Network network;
    private final @Nullable Link link;
    private final List<AgentProcess> agents = new ArrayList<>();
    private AgentProcess server;
    private AgentProcess client;
    private List<Idle> before = List.of();

    /** What an agent has while nobody uses it. */
    private record Idle(int sessions, int connections, int descriptors, long buffers) {}

    private Scene(Consumer<Tunnel.Builder> change, @Nullable Network network) throws IOException {
        this.network = network;
        directory = Files.createTempDirectory("culvert-scene");
        tunnel = Tunnel.to(echo)
                .forward("shell", shell)
                .server("admin.listen = \"%s\"".formatted(admin("server")))
                .client("admin.listen = \"%s\"".formatted(admin("client")));
        try {
            change.accept(tunnel);
            if (network != null) {
                tunnel.between(network);
            }
            server = startServer(0);
            link = network != null ? null : new Link(server.port("listen"));
            client = startClient();
            client.awaitLog("session up");
        } catch (IOException | RuntimeException | AssertionError e) {
            closeAfter(e);
            throw e;
        }
    }

    private void closeAfter(Throwable failure) {
        try {
            close();
        } catch (IOException | RuntimeException | AssertionError e) {
            failure.addSuppressed(e);
        }
    }

    /** With a proxy between them. */
    static Scene linked(Consumer<Tunnel.Builder> change) throws IOException {
        return new Scene(change, null);
    }

    /** With a router between them. */
    static Scene routed(Consumer<Tunnel.Builder> change) throws IOException {
        return routed(change, new Network(List.of()));
    }

    static Scene routed(Consumer<Tunnel.Builder> change, Network network) throws IOException {
        return new Scene(change, network);
    }

    /** Somebody who has a shell, and no terminal. */
    private static void shell(java.net.Socket socket) throws IOException {
        Process sh = new ProcessBuilder("sh").redirectErrorStream(true).start();
        Thread typing = new Thread(() -> {
            try (var in = sh.getOutputStream()) {
                byte[] block = new byte[1024];
                for (int n = socket.getInputStream().read(block);
                        n >= 0;
                        n = socket.getInputStream().read(block)) {
                    in.write(block, 0, n);
                    in.flush();
                }
            } catch (IOException e) {
                sh.destroy();
            }
        });
        typing.setDaemon(true);
        typing.start();
        byte[] block = new byte[1024];
        for (int n = sh.getInputStream().read(block);
                n >= 0;
                n = sh.getInputStream().read(block)) {
            socket.getOutputStream().write(block, 0, n);
        }
    }

    private AgentProcess startServer(int port) {
        AgentProcess started = tunnel.startServer(port);
        agents.add(started);
        return started;
    }

    private AgentProcess startClient() {
        AgentProcess started = tunnel.startClient(link == null ? server.port("listen") : link.port());
        agents.add(started);
        return started;
    }

    AgentProcess server() {
        return server;
    }

    AgentProcess client() {
        return client;
    }

    Link link() {
        return java.util.Objects.requireNonNull(link);
    }

    Network network() {
        return java.util.Objects.requireNonNull(network);
    }

    /** SIGKILL, and another one at once in its place. */
    void killServer() {
        int port = server.port("listen");
        server.kill();
        server = startServer(port);
    }

    /** Waits for its end, and starts another in its place, as a service manager does. Returns the exit code. */
    int replaceServer() {
        int port = server.port("listen");
        int code = server.awaitExit();
        server = startServer(port);
        return code;
    }

    /** SIGKILL. */
    void killClient() {
        client.kill();
    }

    /** Another client where the last one was. */
    void restartClient() {
        client = startClient();
    }

    /** Connections that have arrived at the targets and have not ended. */
    int connectionsToTargets() {
        return echo.connections() + shell.connections();
    }

    /** Where an application finds a forward. */
    InetSocketAddress forward(String name) {
        String host = network == null ? "127.0.0.1" : network.forwardAddress();
        return new InetSocketAddress(host, client.port("forwards." + name));
    }

    /** Remembers what both agents have now, when nobody uses them. */
    void remember() {
        await().atMost(AgentProcess.PATIENCE).untilAsserted(this::expectIdle);
        before = idle();
    }

    private void expectIdle() {
        assertThat(connectionsToTargets()).as("connections to targets").isZero();
        for (String agent : List.of("client", "server")) {
            Config status = status(agent);
            assertThat(status.getConfigList("connections"))
                    .as("connections of the %s", agent)
                    .isEmpty();
            assertThat(status.getConfigList("sessions"))
                    .as("sessions of the %s", agent)
                    .singleElement()
                    .satisfies(session -> {
                        assertThat(session.getString("state")).isEqualTo("up");
                        assertThat(session.getInt("streams")).isZero();
                        assertThat(session.getLong("unread")).isZero();
                        assertThat(session.getLong("unsent")).isZero();
                    });
        }
    }

    /** Where an agent is asked. */
    Path admin(String agent) {
        return directory.resolve(agent + ".sock");
    }

    private Config status(String agent) {
        try (AdminClient admin = new AdminClient(admin(agent).toString())) {
            return ConfigFactory.parseString(admin.get("/status"));
        } catch (IOException e) {
            throw new AssertionError(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError(e);
        }
    }

    private List<Idle> idle() {
        return List.of(idle(client, "client"), idle(server, "server"));
    }

    private Idle idle(AgentProcess agent, String name) {
        Config status = status(name);
        return new Idle(
                status.getConfigList("sessions").size(),
                status.getConfigList("connections").size(),
                agent.descriptors(),
                agent.bufferBytes());
    }

    /** Fails unless both are again as they were; leaked buffers are found when they end. */
    void expectNothingLeft() {
        eventually(() -> expectBuffers(expectDescriptors()));
    }

    /** The same, but for pools that very many have filled, where that is no leak. */
    void expectNothingOpen() {
        eventually(() -> expectDescriptors());
    }

    private void eventually(ThrowingRunnable expectation) {
        try {
            await().atMost(AgentProcess.PATIENCE).untilAsserted(expectation);
        } catch (ConditionTimeoutException e) {
            throw new AssertionError("client:\n" + client.log() + "\nserver:\n" + server.log(), e);
        }
    }

    /** Returns what both have now. */
    private List<Idle> expectDescriptors() {
        expectIdle();
        List<Idle> after = idle();
        for (int i = 0; i < before.size(); i++) {
            assertThat(after.get(i).descriptors())
                    .as("descriptors; the client and the server had %s, have %s", before, after)
                    .isLessThanOrEqualTo(before.get(i).descriptors() + DESCRIPTOR_SLACK);
        }
        return after;
    }

    private void expectBuffers(List<Idle> after) {
        for (int i = 0; i < before.size(); i++) {
            assertThat(after.get(i).buffers())
                    .as("buffers; the client and the server had %s, have %s", before, after)
                    .isLessThanOrEqualTo(before.get(i).buffers() + BUFFER_SLACK);
        }
    }

    /** Ends all agents, then all else. */
    @Override
    public void close() throws IOException {
        List<AgentProcess> lastFirst = new ArrayList<>(agents);
        Collections.reverse(lastFirst);
        AssertionError trouble = new AssertionError("agents had trouble");
        AgentProcess.closeAll(lastFirst, trouble);
        echo.close();
        shell.close();
        closeWays();
        if (trouble.getSuppressed().length > 0) {
            throw trouble;
        }
    }

    private void closeWays() throws IOException {
        if (link != null) {
            link.close();
        }
        if (network != null) {
            network.close();
        }
        Programs.deleteTree(directory);
    }
}
