package dev.culvert.bench.work;

import dev.culvert.bench.Metric;
import dev.culvert.bench.Program;
import dev.culvert.bench.Site;
import dev.culvert.bench.Tunnel;
import dev.culvert.bench.Work;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** A download beside others whose readers do not read. */
public record Stalled(int readers, int seconds) implements Work {
    public static final Metric SHARE = Metric.higher("share", "of its rate alone");
    public static final Metric RATE = Metric.higher("rate", "Mbit/s");

    @Override
    public String name() {
        return "stalled-" + readers;
    }

    @Override
    public String description() {
        return "a download beside " + readers + " others that nobody reads: its rate, and that beside its rate alone";
    }

    @Override
    public List<Metric> metrics() {
        return List.of(SHARE, RATE);
    }

    @Override
    public boolean needsWarmUp() {
        return false; // the rate alone is measured first
    }

    /** In a tunnel of its own: some peers do not recover. */
    @Override
    public Map<Metric, Double> measure(Site site) {
        try (Tunnel tunnel = site.check(site.freshTunnel())) {
            rate(site, tunnel);
            double alone = rate(site, tunnel);
            try (Program stalled = site.startLoad(tunnel, "stall", "source", Integer.toString(readers))) {
                stalled.awaitOutput("READY");
                double beside = rate(site, tunnel);
                return Map.of(SHARE, beside / alone, RATE, beside * 8 / 1e6);
            }
        }
    }

    private double rate(Site site, Tunnel tunnel) {
        return Double.parseDouble(
                site.load(tunnel, Duration.ofSeconds(seconds + 20L), "drain", "source", Integer.toString(seconds)));
    }
}
