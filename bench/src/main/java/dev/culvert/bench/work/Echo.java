package dev.culvert.bench.work;

import dev.culvert.bench.Metric;
import dev.culvert.bench.Program;
import dev.culvert.bench.Site;
import dev.culvert.bench.Work;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Keystrokes: 64 bytes every 2 ms, and how long the answer takes.
 *
 * @param bulkConnections that send as fast as they can meanwhile, through the same tunnel; may be none
 */
public record Echo(int bulkConnections, int seconds) implements Work {
    public static final Metric P50 = Metric.lower("p50", "ms");
    public static final Metric P99 = Metric.lower("p99", "ms");
    public static final Metric P999 = Metric.lower("p99.9", "ms");
    /** What the connections beside got. */
    public static final Metric BULK = Metric.higher("bulk", "Mbit/s");

    private static final int BULK_AHEAD = 3;

    @Override
    public String name() {
        return bulkConnections == 0 ? "echo" : "echo-beside-bulk-" + bulkConnections;
    }

    @Override
    public String description() {
        return "64 bytes every 2 ms, echoed: how long the answers take"
                + (bulkConnections == 0
                        ? ""
                        : ", beside " + bulkConnections + " iperf3 connections in the same tunnel");
    }

    @Override
    public List<Metric> metrics() {
        return bulkConnections == 0 ? List.of(P50, P99, P999) : List.of(P99, P50, P999, BULK);
    }

    @Override
    public Map<Metric, Double> measure(Site site) {
        Map<Metric, Double> figures = new LinkedHashMap<>();
        if (bulkConnections == 0) {
            probe(site, figures);
        } else {
            try (Iperf bulk = Iperf.start(site, bulkConnections, seconds + BULK_AHEAD)) {
                Program.pause(Duration.ofSeconds(BULK_AHEAD - 1L)); // until the bulk connections have found their speed
                probe(site, figures);
                figures.put(BULK, bulk.bitsPerSecond() / 1e6);
            }
        }
        return figures;
    }

    private void probe(Site site, Map<Metric, Double> figures) {
        String output =
                site.load(site.tunnel(), Duration.ofSeconds(seconds + 30L), "probe", "echo", Integer.toString(seconds));
        List<Double> millis = List.of(output.split(" ", -1)).stream()
                .map(nanos -> Long.parseLong(nanos) / 1e6)
                .toList();
        figures.put(P50, millis.get(0));
        figures.put(P99, millis.get(1));
        figures.put(P999, millis.get(2));
    }
}
