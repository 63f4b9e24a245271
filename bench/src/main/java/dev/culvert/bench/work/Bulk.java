package dev.culvert.bench.work;

import dev.culvert.bench.Metric;
import dev.culvert.bench.Site;
import dev.culvert.bench.Work;
import java.util.List;
import java.util.Map;

/** Data in one direction, as fast as it goes. */
public record Bulk(int connections, int seconds) implements Work {
    public static final Metric RATE = Metric.higher("rate", "Mbit/s");
    /** Of both agents; what the kernel does in their name is in it. */
    public static final Metric PROCESSOR = Metric.lower("processor", "s/GB");

    @Override
    public String name() {
        return "bulk-" + connections;
    }

    @Override
    public String description() {
        return "iperf3, " + connections + (connections == 1 ? " connection" : " connections")
                + ": what arrives, and the processor time of both agents for each GB";
    }

    @Override
    public List<Metric> metrics() {
        return List.of(RATE, PROCESSOR);
    }

    @Override
    public Map<Metric, Double> measure(Site site) {
        double before = site.tunnel().processorSeconds();
        double rate;
        try (Iperf bulk = Iperf.start(site, connections, seconds)) {
            rate = bulk.bitsPerSecond();
        }
        double processor = site.tunnel().processorSeconds() - before;
        double gigabytes = rate / 8 * (seconds + Iperf.uncounted(seconds)) / 1e9;
        return Map.of(RATE, rate / 1e6, PROCESSOR, processor / gigabytes);
    }
}
