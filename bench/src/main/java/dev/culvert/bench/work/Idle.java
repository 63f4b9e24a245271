package dev.culvert.bench.work;

import dev.culvert.bench.Metric;
import dev.culvert.bench.Program;
import dev.culvert.bench.Site;
import dev.culvert.bench.Tunnel;
import dev.culvert.bench.Work;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Connections that do nothing, and the memory that they take.
 *
 * @param connections so many; none measures the empty agents, and how long they take to start
 */
public record Idle(int connections) implements Work {
    public static final Metric ENTRY = Metric.lower("entry", "MB");
    public static final Metric EXIT = Metric.lower("exit", "MB");

    private static final Duration SETTLE = Duration.ofSeconds(10);

    @Override
    public String name() {
        return "idle-" + connections;
    }

    @Override
    public String description() {
        return connections == 0
                ? "resident memory of each agent that has nothing to do, 10 s after its start"
                : "resident memory of each agent with " + connections
                        + " idle connections, each of which has carried a byte both ways";
    }

    @Override
    public List<Metric> metrics() {
        return List.of(ENTRY, EXIT);
    }

    @Override
    public boolean needsWarmUp() {
        return false;
    }

    @Override
    public boolean worksDirect() {
        return false;
    }

    @Override
    public Map<Metric, Double> measure(Site site) {
        try (Tunnel tunnel = site.check(site.freshTunnel())) {
            if (connections == 0) {
                Program.pause(SETTLE); // what was needed to start may go
                return memory(tunnel);
            }
            try (Program idle = site.startLoad(tunnel, "idle", "echo", Integer.toString(connections))) {
                idle.awaitOutput("READY");
                return memory(tunnel);
            }
        }
    }

    private static Map<Metric, Double> memory(Tunnel tunnel) {
        return Map.of(ENTRY, megabytes(tunnel.entry()), EXIT, megabytes(tunnel.exit()));
    }

    private static double megabytes(Optional<Program> agent) {
        return agent.orElseThrow().residentBytes() / 1e6;
    }
}
