package dev.culvert.bench;

import java.util.List;
import java.util.Map;

/** Something that people do with a tunnel, and the figures that say how well it went. */
public interface Work {
    /** What reports and the command line call it; no spaces. */
    String name();

    /** A sentence for the report. */
    String description();

    /** What {@link #measure} yields, the most important first. */
    List<Metric> metrics();

    /** Does it once. Throws {@link BenchFailure} where a peer cannot. */
    Map<Metric, Double> measure(Site site);

    /** Whether rounds should be done first and forgotten. */
    default boolean needsWarmUp() {
        return true;
    }

    /** Whether it makes sense with this peer. */
    default boolean worksWith(Peer peer) {
        return true;
    }
}
