package dev.culvert.bench;

import dev.culvert.bench.Bed.Side;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One peer, set up between applications and targets. */
public final class Site implements AutoCloseable {
    private static final LoadCommand LOAD = new LoadCommand();

    private final Bed bed;
    private final Peer peer;
    private final Targets targets;
    private final Path directory;
    private @Nullable Tunnel tunnel;
    private int fresh;

    Site(Bed bed, Peer peer, Targets targets, Path directory) {
        this.bed = bed;
        this.peer = peer;
        this.targets = targets;
        this.directory = directory;
    }

    public Bed bed() {
        return bed;
    }

    public Peer peer() {
        return peer;
    }

    /** The tunnel that all workloads share; it has carried a byte. */
    public Tunnel tunnel() {
        if (tunnel == null) {
            tunnel = check(start(peer, directory));
        }
        return tunnel;
    }

    /** A tunnel of its own for a workload, which closes it; nothing has gone through it. */
    public Tunnel freshTunnel() {
        return freshTunnel(peer);
    }

    /** The same, but with a variant of the peer. */
    public Tunnel freshTunnel(Peer variant) {
        return start(variant, directory.resolve("fresh-" + ++fresh));
    }

    private Tunnel start(Peer variant, Path where) {
        Files.createDirectories(where);
        return variant.start(bed, where, targets.forwards());
    }

    /** Waits until something comes through. */
    public Tunnel check(Tunnel newTunnel) {
        try {
            load(newTunnel, Duration.ofSeconds(40), "check", "echo");
        } catch (BenchFailure e) {
            newTunnel.close();
            throw e;
        }
        return newTunnel;
    }

    /** Waits until nobody is connected to a target: some serve one after the other. */
    public void awaitQuiet(String target) {
        targets.awaitQuiet(target);
    }

    /** Runs a program at the entry to its end and returns what it printed. */
    public String run(String name, Duration limit, List<String> command) {
        return bed.run(Side.ENTRY, name, directory, limit, command);
    }

    /** Starts a program at the entry. */
    public Program start(String name, List<String> command) {
        return bed.start(Side.ENTRY, name, directory, command);
    }

    /** Runs a load program on a forward to its end and returns what it printed. */
    public String load(Tunnel through, Duration limit, String program, String forward, String... more) {
        return run(program, limit, loadCommand(through, program, forward, more)).strip();
    }

    /** Starts a load program on a forward. */
    public Program startLoad(Tunnel through, String program, String forward, String... more) {
        return start(program, loadCommand(through, program, forward, more));
    }

    private static List<String> loadCommand(Tunnel through, String program, String forward, String... more) {
        List<String> arguments =
                new ArrayList<>(List.of(program, through.host(), Integer.toString(through.port(forward))));
        arguments.addAll(List.of(more));
        return LOAD.of(arguments.toArray(String[]::new));
    }

    @Override
    public void close() {
        if (tunnel != null) {
            tunnel.close();
            tunnel = null;
        }
    }
}
