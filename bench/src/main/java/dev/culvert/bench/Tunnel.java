package dev.culvert.bench;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A running tunnel.
 *
 * @param host where its forwards listen, seen from the entry
 * @param ports of each forward, by name
 * @param entry the agent on the side of the applications; none where there is no tunnel
 * @param exit the agent on the side of the targets; none where there is no tunnel
 */
public record Tunnel(String host, Map<String, Integer> ports, Optional<Program> entry, Optional<Program> exit)
        implements AutoCloseable {
    /** Of a forward. */
    public int port(String forward) {
        Integer port = ports.get(forward);
        if (port == null) {
            throw new IllegalArgumentException("no forward " + forward);
        }
        return port;
    }

    public List<Program> agents() {
        return java.util.stream.Stream.of(entry, exit).flatMap(Optional::stream).toList();
    }

    /** Processor time of both agents so far, seconds. */
    public double processorSeconds() {
        return agents().stream().mapToDouble(Program::processorSeconds).sum();
    }

    @Override
    public void close() {
        agents().forEach(Program::close);
    }
}
