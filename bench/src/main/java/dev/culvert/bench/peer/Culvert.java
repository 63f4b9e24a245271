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
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The package of this build.
 *
 * @param home where it is unpacked
 * @param sessions that the client keeps up side by side
 * @param more for the client's configuration
 */
public record Culvert(String name, Path home, boolean encrypts, int sessions, String more) implements Peer {
    public Culvert(String name, Path home, boolean encrypts) {
        this(name, home, encrypts, 1, "");
    }

    /** The same where sessions end with their links. */
    public Culvert withoutResume() {
        return new Culvert(name + "-no-resume", home, encrypts, sessions, "resume.window = 0s");
    }

    /** The same with more sessions. */
    public Culvert withSessions(int count) {
        return new Culvert(name, home, encrypts, count, more);
    }

    @Override
    public boolean isCompiledLate() {
        return true;
    }

    @Override
    public Optional<String> missing() {
        return Peer.missing("mvn package", home.resolve("bin/tunnel-client"), home.resolve("bin/tunnel-server"));
    }

    @Override
    public Tunnel start(Bed bed, Path directory, List<Forward> forwards) {
        int port = bed.freePort();
        String address = bed.address(Side.EXIT) + ":" + port;
        String allow = forwards.stream()
                .map(forward -> "\"127.0.0.1:" + forward.target() + "\"")
                .collect(Collectors.joining(", "));
        Files.write(
                directory.resolve("server.conf"),
                "listen = \"" + address + "\"",
                encrypts
                        ? "tls { key-file = server.key }\nclients { bench { key = \"" + key(directory, "client")
                                + "\", allow = [" + allow + "] } }"
                        : "tls = off\ninsecure = true\nanonymous { allow = [" + allow + "] }");
        Files.write(
                directory.resolve("client.conf"),
                "upstream { servers = [\"" + address + "\"], sessions = " + sessions,
                encrypts
                        ? "tls { key-file = client.key, server-key = \"" + key(directory, "server") + "\" } }"
                        : "tls = off, insecure = true }",
                "forwards {",
                forwards.stream()
                        .map(forward -> forward.name() + " { listen = \"127.0.0.1:" + forward.port()
                                + "\", target = \"127.0.0.1:" + forward.target() + "\", max-connections = 100000 }")
                        .collect(Collectors.joining("\n")),
                "}",
                more);
        Program exit = start(bed, Side.EXIT, directory, "server");
        exit.awaitListening(port);
        return Peer.tunnel(forwards, start(bed, Side.ENTRY, directory, "client"), exit);
    }

    private Program start(Bed bed, Side side, Path directory, String agent) {
        return bed.start(side, agent, directory, List.of(program(agent), "-c", agent + ".conf"), Map.of());
    }

    /** Makes the key of an agent where its configuration expects it, and returns its fingerprint. */
    private String key(Path directory, String agent) {
        return Program.run(
                        "keygen",
                        directory,
                        Duration.ofSeconds(30),
                        List.of("env", "STATE_DIRECTORY=" + directory, program(agent), "keygen"))
                .lines()
                .filter(line -> line.startsWith("SHA256:"))
                .findFirst()
                .orElseThrow();
    }

    private String program(String agent) {
        return home.resolve("bin/tunnel-" + agent).toString();
    }
}
