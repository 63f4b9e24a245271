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

/** The program of {@code bench/floor}: what a tunnel over one connection costs at the least on this machine. */
public record Floor(Path program) implements Peer {
    @Override
    public String name() {
        return "floor";
    }

    @Override
    public boolean encrypts() {
        return false;
    }

    @Override
    public boolean isTunnel() {
        return false;
    }

    @Override
    public Optional<String> missing() {
        return Peer.missing("bench/run builds it, with gcc", program);
    }

    @Override
    public Tunnel start(Bed bed, Path directory, List<Forward> forwards) {
        int port = bed.freePort();
        String server = bed.address(Side.EXIT) + ":" + port;
        Program exit = bed.start(Side.EXIT, "server", directory, List.of(program.toString(), "server", server));
        exit.awaitListening(port);
        List<String> client = new ArrayList<>(List.of(program.toString(), "client", server));
        forwards.forEach(forward -> client.add(forward.port() + "=" + forward.target()));
        return Peer.tunnel(forwards, bed.start(Side.ENTRY, "client", directory, client), exit);
    }
}
