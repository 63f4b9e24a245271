package dev.culvert.bench;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/** A way to get from the entry to the exit: a tunnel that is measured, or none. */
public interface Peer {
    /** What reports call it; no spaces. */
    String name();

    /** Whether what it carries is encrypted. */
    boolean encrypts();

    /** Whether people could use it; what could not be used only says what the machine can do. */
    default boolean isTunnel() {
        return true;
    }

    /** Whether it is compiled while it runs: it gets faster for some rounds. */
    default boolean isCompiledLate() {
        return false;
    }

    /** What is missing on this machine to run it, and where it comes from; empty if it can run. */
    Optional<String> missing();

    /**
     * Starts its agents, with their configuration and logs in {@code directory}, and waits until the forwards listen.
     */
    Tunnel start(Bed bed, Path directory, List<Forward> forwards);

    /** A tunnel whose forwards listen on the entry's loopback. */
    static Tunnel tunnel(List<Forward> forwards, Program entry, Program exit) {
        forwards.forEach(forward -> entry.awaitListening(forward.port()));
        return new Tunnel(
                "127.0.0.1",
                forwards.stream().collect(Collectors.toMap(Forward::name, Forward::port)),
                Optional.of(entry),
                Optional.of(exit));
    }

    /** Empty if all of these commands can be run. */
    static Optional<String> missing(String from, Path... commands) {
        for (Path command : commands) {
            if (!Commands.canRun(command)) {
                return Optional.of("no " + command.getFileName() + " (" + from + ")");
            }
        }
        return Optional.empty();
    }

    /** Nobody in between: what the machine, or the link, can do at most. */
    record Direct() implements Peer {
        @Override
        public String name() {
            return "direct";
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
            return Optional.empty();
        }

        @Override
        public Tunnel start(Bed bed, Path directory, List<Forward> forwards) {
            Map<String, Integer> ports = forwards.stream().collect(Collectors.toMap(Forward::name, Forward::target));
            return new Tunnel(bed.address(Bed.Side.EXIT), ports, Optional.empty(), Optional.empty());
        }
    }
}
