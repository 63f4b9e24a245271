package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A running HAProxy, set up as docs/examples/haproxy shows: only the addresses are others. */
final class HaProxy implements AutoCloseable {
    static final String PROGRAM = "/usr/sbin/haproxy";
    static final Path EXAMPLE = AgentProcess.source("docs/examples/haproxy/haproxy.cfg");

    /** What the example calls its servers, in their order. */
    static final List<String> SERVERS = List.of("one", "two", "three");

    private final Process process;
    private final Log log;
    private final Path socket;

    /**
     * Starts it, and waits until it can reach all servers.
     *
     * @param directory for its files
     * @param servers the ports of all in {@link #SERVERS}
     */
    HaProxy(Path directory, int port, List<Integer> servers) throws IOException {
        socket = directory.resolve("haproxy.sock");
        Map<String, String> others = new LinkedHashMap<>();
        others.put("    user haproxy\n    group haproxy\n", ""); // it runs as who runs the test
        others.put("/run/haproxy/admin.sock", socket.toString());
        others.put("bind :7443", "bind 127.0.0.1:" + port);
        for (int i = 0; i < SERVERS.size(); i++) {
            others.put("10.0.0.1" + (i + 1) + ":7443", "127.0.0.1:" + servers.get(i));
        }
        String config = Files.readString(EXAMPLE);
        for (Map.Entry<String, String> other : others.entrySet()) {
            assertThat(config).containsOnlyOnce(other.getKey());
            config = config.replace(other.getKey(), other.getValue());
        }
        Path file = Files.writeString(directory.resolve("haproxy.cfg"), config);
        process = new ProcessBuilder(PROGRAM, "-db", "-f", file.toString())
                .redirectErrorStream(true)
                .start();
        log = new Log("haproxy", process.getInputStream());
        try {
            await().atMost(AgentProcess.PATIENCE).until(() -> Files.exists(socket));
            SERVERS.forEach(server -> awaitStatus(server, "UP"));
        } catch (Throwable e) {
            close();
            throw e;
        }
    }

    /** Waits until it takes a server for that, such as UP or DOWN. */
    void awaitStatus(String server, String status) {
        await("HAProxy takes " + server + " for " + status)
                .atMost(AgentProcess.PATIENCE)
                .untilAsserted(() -> assertThat(field(server, "status")).isEqualTo(status));
    }

    /** Connections that it has made to each server so far. */
    List<Long> connections() throws IOException {
        List<Long> counts = new ArrayList<>();
        for (String server : SERVERS) {
            counts.add(Long.parseLong(field(server, "stot")));
        }
        return counts;
    }

    /** Connections that it has made to another server than it first wanted to, so far. */
    long redispatched() throws IOException {
        return Long.parseLong(field("BACKEND", "wredis"));
    }

    /** What `show stat` says of a server, as the management guide of HAProxy calls it. */
    private String field(String server, String name) throws IOException {
        try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            channel.write(ByteBuffer.wrap(Bytes.ascii("show stat\n")));
            List<String> table = new String(Channels.newInputStream(channel).readAllBytes(), StandardCharsets.US_ASCII)
                    .lines()
                    .toList();
            int column = cells(table.get(0)).indexOf(name);
            return table.stream()
                    .map(HaProxy::cells)
                    .filter(row -> row.size() > column
                            && row.get(0).equals("tunnel-servers")
                            && row.get(1).equals(server))
                    .map(row -> row.get(column))
                    .findFirst()
                    .orElseThrow();
        }
    }

    private static List<String> cells(String row) {
        return List.of(row.split(",", -1));
    }

    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(AgentProcess.PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
                throw new AssertionError("SIGTERM does not end it:\n" + log);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** What it has written. */
    @Override
    public String toString() {
        return log.toString();
    }
}
