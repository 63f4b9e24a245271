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

/** chisel: SSH inside a WebSocket, always encrypted. */
public record Chisel(Path program) implements Peer {
    @Override
    public String name() {
        return "chisel";
    }

    @Override
    public boolean encrypts() {
        return true;
    }

    @Override
    public Optional<String> missing() {
        return Peer.missing("Go module github.com/jpillora/chisel; bench/peers installs it", program);
    }

    @Override
    public Tunnel start(Bed bed, Path directory, List<Forward> forwards) {
        int port = bed.freePort();
        String host = bed.address(Side.EXIT);
        Program exit = bed.start(
                Side.EXIT,
                "server",
                directory,
                List.of(program.toString(), "server", "--host", host, "--port", Integer.toString(port)));
        exit.awaitListening(port);
        List<String> client = new ArrayList<>(List.of(program.toString(), "client", "http://" + host + ":" + port));
        forwards.forEach(forward -> client.add("127.0.0.1:" + forward.port() + ":127.0.0.1:" + forward.target()));
        return Peer.tunnel(forwards, bed.start(Side.ENTRY, "client", directory, client), exit);
    }
}
