package dev.culvert.bench.peer;

import dev.culvert.bench.Bed;
import dev.culvert.bench.Bed.Side;
import dev.culvert.bench.Files;
import dev.culvert.bench.Forward;
import dev.culvert.bench.Peer;
import dev.culvert.bench.Program;
import dev.culvert.bench.Tunnel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * rathole. It forwards in reverse only, so its server is at the entry; a connection for each connection. Encrypted, it
 * speaks Noise.
 */
public record Rathole(Path program, boolean encrypts) implements Peer {
    @Override
    public String name() {
        return encrypts ? "rathole-noise" : "rathole";
    }

    @Override
    public Optional<String> missing() {
        return Peer.missing("crate rathole; bench/peers installs it", program);
    }

    @Override
    public Tunnel start(Bed bed, Path directory, List<Forward> forwards) {
        int port = bed.freePort();
        String server = bed.address(Side.ENTRY) + ":" + port;
        String[] keys = encrypts ? keys(directory) : new String[] {"", ""};
        Files.write(
                directory.resolve("server.toml"),
                "[server]\nbind_addr = \"" + server + "\"\ndefault_token = \"bench\"",
                encrypts ? transport("server", "local_private_key", keys[0]) : "",
                forwards.stream()
                        .map(forward -> "[server.services.%s]\nbind_addr = \"127.0.0.1:%d\"\n"
                                .formatted(forward.name(), forward.port()))
                        .collect(Collectors.joining()));
        Files.write(
                directory.resolve("client.toml"),
                "[client]\nremote_addr = \"" + server + "\"\ndefault_token = \"bench\"",
                encrypts ? transport("client", "remote_public_key", keys[1]) : "",
                forwards.stream()
                        .map(forward -> "[client.services.%s]\nlocal_addr = \"127.0.0.1:%d\"\n"
                                .formatted(forward.name(), forward.target()))
                        .collect(Collectors.joining()));
        Program entry =
                bed.start(Side.ENTRY, "server", directory, List.of(program.toString(), "--server", "server.toml"));
        entry.awaitListening(port);
        Program exit =
                bed.start(Side.EXIT, "client", directory, List.of(program.toString(), "--client", "client.toml"));
        return Peer.tunnel(forwards, entry, exit);
    }

    private static String transport(String side, String name, String key) {
        return "[%1$s.transport]\ntype = \"noise\"\n[%1$s.transport.noise]\n%2$s = \"%3$s\"\n"
                .formatted(side, name, key);
    }

    /** The private key and the public key. */
    private String[] keys(Path directory) {
        List<String> lines = Program.run(
                        "genkey", directory, Duration.ofSeconds(10), List.of(program.toString(), "--genkey"))
                .lines()
                .filter(line -> line.endsWith("="))
                .toList();
        return new String[] {lines.get(0), lines.get(1)};
    }
}
