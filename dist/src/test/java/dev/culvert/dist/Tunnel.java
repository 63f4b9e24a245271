package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** A server and a client that know each other's keys, with their session up, and forwards to the targets of a test. */
final class Tunnel implements AutoCloseable {
    private final AgentProcess server;
    private final AgentProcess client;

    /** What to start. */
    static final class Builder {
        private final List<String> forwards = new ArrayList<>();
        private final List<String> allow = new ArrayList<>();
        private String serverConfig = "";
        private String clientConfig = "";
        private Consumer<AgentProcess.Builder> each = agent -> {};
        private Consumer<AgentProcess.Builder> toServer = agent -> {};
        private boolean plain;
        private @Nullable Network network;
        private @Nullable String serverName;

        /** A forward to a service, which the server allows. */
        Builder forward(String name, Service target) {
            return forward(name, target.address()).allow(target.address());
        }

        /** A forward to any target, whether the server allows it or not. */
        Builder forward(String name, String target) {
            forwards.add("%s { listen = \"HOST:0\", target = \"%s\" }".formatted(name, target));
            return this;
        }

        /** A forward of UDP to a target, whether the server allows it or not. */
        Builder udp(String name, String target, String more) {
            forwards.add(
                    "%s { protocol = udp, listen = \"HOST:0\", target = \"%s\", %s }".formatted(name, target, more));
            return this;
        }

        Builder allow(String rule) {
            allow.add(rule);
            return this;
        }

        /** More for server.conf. */
        Builder server(String config) {
            serverConfig += config + "\n";
            return this;
        }

        /** More for client.conf. */
        Builder client(String config) {
            clientConfig += config + "\n";
            return this;
        }

        /** Without TLS, and so without knowing who is who. */
        Builder plain() {
            plain = true;
            return this;
        }

        /** The client is behind a network. */
        Builder between(Network way) {
            network = way;
            return this;
        }

        /** The client knows the server by a name, and that listens everywhere. */
        Builder byName(String name) {
            serverName = name;
            return this;
        }

        private String serverAddress() {
            return network == null ? "127.0.0.1" : network.serverAddress();
        }

        /** What is done to the server before it starts. */
        Builder onServer(Consumer<AgentProcess.Builder> change) {
            toServer = change;
            return this;
        }

        /** What is done to both agents before they start. */
        Builder each(Consumer<AgentProcess.Builder> change) {
            each = change;
            return this;
        }

        String serverConfig(int port) {
            String rules = allow.stream().map(rule -> '"' + rule + '"').collect(Collectors.joining(", "));
            String who = plain
                    ? "tls = off, anonymous"
                    : "tls { key-file = \"%s\" }, clients.tests.key = \"%s\", clients.tests"
                            .formatted(Keys.SERVER.file(), Keys.CLIENT.fingerprint());
            return """
                    listen = "%s:%d"
                    %s { allow = [%s] }
                    %s
                    """.formatted(
                            serverName == null ? serverAddress() : "0.0.0.0",
                            port,
                            who,
                            rules.isEmpty() ? "\"127.0.0.1:1\"" : rules,
                            serverConfig);
        }

        String clientConfig(int... serverPorts) {
            String host = serverName == null ? serverAddress() : serverName;
            String servers = java.util.Arrays.stream(serverPorts)
                    .mapToObj(port -> '"' + host + ':' + port + '"')
                    .collect(Collectors.joining(", "));
            String who = plain
                    ? "tls = off"
                    : "tls { key-file = \"%s\", server-key = \"%s\" }"
                            .formatted(Keys.CLIENT.file(), Keys.SERVER.fingerprint());
            return """
                    upstream { servers = [%s], %s }
                    forwards {
                      %s
                    }
                    %s
                    """.formatted(servers, who, forwards(), clientConfig);
        }

        private String forwards() {
            String host = network == null ? "127.0.0.1" : network.forwardAddress();
            return String.join("\n  ", forwards).replace("HOST", host);
        }

        /** Only the server. */
        AgentProcess startServer(int port) {
            AgentProcess.Builder builder = AgentProcess.server().config(serverConfig(port));
            each.accept(builder);
            toServer.accept(builder);
            return builder.start();
        }

        /** Only the client. */
        AgentProcess startClient(int... serverPorts) {
            AgentProcess.Builder builder = AgentProcess.client().config(clientConfig(serverPorts));
            if (network != null) {
                builder.startedBy(network.inClient().toArray(String[]::new));
            }
            each.accept(builder);
            return builder.start();
        }

        /** Both, with all sessions up. */
        Tunnel open() {
            List<AgentProcess> started = new ArrayList<>();
            try {
                AgentProcess server = startServer(0);
                started.add(server);
                AgentProcess client = startClient(server.port("listen"));
                started.add(client);
                client.awaitLog("session up");
                return new Tunnel(server, client);
            } catch (RuntimeException | AssertionError e) {
                AgentProcess.closeAll(started, e);
                throw e;
            }
        }
    }

    private Tunnel(AgentProcess server, AgentProcess client) {
        this.server = server;
        this.client = client;
    }

    /** A tunnel with one forward, {@code web}. */
    static Builder to(Service target) {
        return new Builder().forward("web", target);
    }

    static Builder builder() {
        return new Builder();
    }

    AgentProcess server() {
        return server;
    }

    AgentProcess client() {
        return client;
    }

    /** Both. */
    List<AgentProcess> agents() {
        return List.of(client, server);
    }

    /** Connects to the forward {@code web}. */
    Socket connect() throws IOException {
        return connect("web");
    }

    /** As {@link #connect()}, and a byte has come back: it is connected all the way. */
    Socket connectToEcho() throws IOException {
        Socket socket = connect();
        echo(socket);
        return socket;
    }

    Socket connect(String forward) throws IOException {
        return connect(client, forward);
    }

    /** Connects; reads fail after a while, so that nothing waits for ever. */
    static Socket connect(AgentProcess client, String forward) throws IOException {
        return connectTo(client.port("forwards." + forward));
    }

    static Socket connectTo(int port) throws IOException {
        return connectTo(loopback(port));
    }

    static Socket connectTo(InetSocketAddress address) throws IOException {
        Socket socket = new Socket();
        connect(socket, address);
        return socket;
    }

    private static InetSocketAddress loopback(int port) {
        return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
    }

    static void connect(Socket socket, int port) throws IOException {
        connect(socket, loopback(port));
    }

    private static void connect(Socket socket, InetSocketAddress address) throws IOException {
        int patience = (int) AgentProcess.PATIENCE.toMillis();
        socket.setSoTimeout(patience);
        socket.setTcpNoDelay(true);
        socket.connect(address, patience);
    }

    /** Accepts; neither this nor a read waits for ever. */
    static Socket accept(ServerSocket listener) throws IOException {
        int patience = (int) AgentProcess.PATIENCE.toMillis();
        listener.setSoTimeout(patience);
        Socket socket = listener.accept();
        socket.setSoTimeout(patience);
        return socket;
    }

    /** A byte goes through the tunnel to an echo, and comes back. */
    static void echo(Socket socket) throws IOException {
        socket.getOutputStream().write('x');
        assertThat(socket.getInputStream().read()).isEqualTo('x');
    }

    /** Fails unless a client's forward {@code web} leads to an echo. */
    static void echoes(AgentProcess client) throws IOException {
        try (Socket socket = connect(client, "web")) {
            echo(socket);
        }
    }

    /** Connects to a forward that leads nowhere, and returns what the client's log says of it. */
    static AgentProcess.Ending awaitReset(AgentProcess client, String forward) throws IOException {
        try (Socket socket = new Socket()) {
            socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            int port = socket.getLocalPort();
            assertThatThrownBy(() -> {
                        connect(socket, client.port("forwards." + forward)); // a reset may be faster than this
                        socket.getInputStream().read();
                    })
                    .isInstanceOf(SocketException.class)
                    .hasMessageContaining("reset");
            return client.awaitEnding(forward, port);
        }
    }

    /** Looks for leaks in both, which takes a while, then ends both. */
    @Override
    public void close() {
        try (server;
                client) {
            agents().parallelStream().forEach(AgentProcess::findLeaks);
        }
    }
}
