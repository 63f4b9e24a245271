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

/** The forwarder of {@code bench/gosmux}: stock smux in Go. */
public record GoSmux(Path program) implements Peer {
    @Override
    public String name() {
        return "go-smux";
    }

    @Override
    public boolean encrypts() {
        return false;
    }

    @Override
    public Optional<String> missing() {
        return Peer.missing("bench/run builds it, with Go", program);
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
