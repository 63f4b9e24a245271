package dev.culvert.bench.work;

import dev.culvert.bench.Metric;
import dev.culvert.bench.Peer;
import dev.culvert.bench.Program;
import dev.culvert.bench.Site;
import dev.culvert.bench.Tunnel;
import dev.culvert.bench.Work;
import java.util.List;
import java.util.Map;

/** How long an agent takes to start. */
public record Start() implements Work {
    public static final Metric TIME = Metric.lower("time", "s");

    @Override
    public String name() {
        return "start";
    }

    @Override
    public String description() {
        return "from the start of a program to the moment when it listens, for the slower of the two agents";
    }

    @Override
    public List<Metric> metrics() {
        return List.of(TIME);
    }

    @Override
    public boolean needsWarmUp() {
        return false;
    }

    @Override
    public boolean worksWith(Peer peer) {
        return peer.isTunnel();
    }

    @Override
    public Map<Metric, Double> measure(Site site) {
        try (Tunnel tunnel = site.freshTunnel()) {
            return Map.of(
                    TIME,
                    tunnel.agents().stream()
                            .mapToDouble(Program::secondsToListen)
                            .max()
                            .orElseThrow());
        }
    }
}
