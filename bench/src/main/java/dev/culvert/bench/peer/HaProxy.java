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

/** HAProxy in TCP mode, twice: no multiplexing, a connection for each connection. */
public record HaProxy() implements Peer {
    @Override
    public String name() {
        return "haproxy";
    }

    @Override
    public boolean encrypts() {
        return false;
    }

    @Override
    public Optional<String> missing() {
        return Peer.missing("Debian package haproxy", Path.of("haproxy"));
    }

    @Override
    public Tunnel start(Bed bed, Path directory, List<Forward> forwards) {
        List<Forward> second = forwards.stream()
                .map(forward -> new Forward(forward.name(), bed.freePort(), forward.target()))
                .toList();
        String there = bed.address(Side.EXIT);
        List<Forward> first = forwards.stream()
                .map(forward -> new Forward(forward.name(), forward.port(), portOf(forward, second)))
                .toList();
        Program exit = hop(bed, Side.EXIT, directory, "exit", there, "127.0.0.1", second);
        second.forEach(forward -> exit.awaitListening(forward.port()));
        return Peer.tunnel(forwards, hop(bed, Side.ENTRY, directory, "entry", "127.0.0.1", there, first), exit);
    }

    private static int portOf(Forward forward, List<Forward> among) {
        return among.stream()
                .filter(other -> other.name().equals(forward.name()))
                .mapToInt(Forward::port)
                .findFirst()
                .orElseThrow();
    }

    private static Program hop(
            Bed bed,
            Side side,
            Path directory,
            String name,
            String listenHost,
            String targetHost,
            List<Forward> forwards) {
        Path file = directory.resolve(name + ".cfg");
        Files.write(
                file,
                "defaults",
                "  mode tcp",
                "  maxconn 9000",
                "  timeout connect 10s",
                "  timeout client 1h",
                "  timeout server 1h",
                forwards.stream()
                        .map(forward -> "listen %s\n  bind %s:%d\n  server target %s:%d\n"
                                .formatted(forward.name(), listenHost, forward.port(), targetHost, forward.target()))
                        .collect(Collectors.joining()));
        return bed.start(side, name, directory, List.of("haproxy", "-db", "-f", file.toString()));
    }
}
