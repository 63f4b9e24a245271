package dev.culvert.bench.peer;

import dev.culvert.bench.Bed;
import dev.culvert.bench.Bed.Side;
import dev.culvert.bench.Forward;
import dev.culvert.bench.Peer;
import dev.culvert.bench.Program;
import dev.culvert.bench.Tunnel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A forwarder that is written here and that bench/run builds.
 *
 * @param compiler what builds it
 */
public record Forwarder(String name, Path program, String compiler, boolean isTunnel) implements Peer {
    /** The one of {@code bench/gosmux}: stock smux in Go. */
    public static Forwarder goSmux(Path directory) {
        return new Forwarder("go-smux", directory.resolve("gosmux"), "Go", true);
    }

    /** The one of {@code bench/floor}: what a tunnel over one connection costs at the least on this machine. */
    public static Forwarder floor(Path directory) {
        return new Forwarder("floor", directory.resolve("floor"), "gcc", false);
    }

    @Override
    public boolean encrypts() {
        return false;
    }

    @Override
    public Optional<String> missing() {
        return Peer.missing("bench/run builds it, with " + compiler, program);
    }

    @Override
    public Tunnel start(Bed bed, Path directory, List<Forward> forwards) {
        int port = bed.freePort();
        String server = bed.address(Side.EXIT) + ":" + port;
        Program exit = bed.start(Side.EXIT, "server", directory, List.of(program.toString(), "server", server));
        exit.awaitListening(port);
        List<String> client = new ArrayList<>(List.of(program.toString(), "client", server));
        forwards.forEach(forward -> client.add("127.0.0.1:" + forward.port() + "=127.0.0.1:" + forward.target()));
        return Peer.tunnel(forwards, bed.start(Side.ENTRY, "client", directory, client), exit);
    }
}
