package dev.culvert.bench.peer;

import dev.culvert.bench.Bed;
import dev.culvert.bench.Bed.Side;
import dev.culvert.bench.Files;
import dev.culvert.bench.Forward;
import dev.culvert.bench.Peer;
import dev.culvert.bench.Program;
import dev.culvert.bench.Tunnel;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** frp. It forwards in reverse only, so its server is at the entry; yamux over one connection, with TLS by default. */
public record Frp(Path server, Path client, boolean encrypts) implements Peer {
    @Override
    public String name() {
        return encrypts ? "frp-tls" : "frp";
    }

    @Override
    public Optional<String> missing() {
        return Peer.missing("Go module github.com/fatedier/frp; bench/peers installs it", server, client);
    }

    @Override
    public Tunnel start(Bed bed, Path directory, List<Forward> forwards) {
        int port = bed.freePort();
        String host = bed.address(Side.ENTRY);
        Files.write(
                directory.resolve("frps.toml"),
                "bindAddr = \"" + host + "\"",
                "bindPort = " + port,
                "proxyBindAddr = \"127.0.0.1\"");
        Files.write(
                directory.resolve("frpc.toml"),
                "serverAddr = \"" + host + "\"",
                "serverPort = " + port,
                "transport.tls.enable = " + encrypts,
                forwards.stream()
                        .map(forward -> """
                                [[proxies]]
                                name = "%s"
                                type = "tcp"
                                localIP = "127.0.0.1"
                                localPort = %d
                                remotePort = %d
                                """.formatted(forward.name(), forward.target(), forward.port()))
                        .collect(Collectors.joining()));
        Program entry = bed.start(Side.ENTRY, "frps", directory, List.of(server.toString(), "-c", "frps.toml"));
        entry.awaitListening(port);
        Program exit = bed.start(Side.EXIT, "frpc", directory, List.of(client.toString(), "-c", "frpc.toml"));
        return Peer.tunnel(forwards, entry, exit);
    }
}
