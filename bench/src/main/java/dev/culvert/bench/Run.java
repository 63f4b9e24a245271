package dev.culvert.bench;

import dev.culvert.bench.Results.Row;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Measures: on each bed every work, in rounds, in each of which every peer has its turn. */
final class Run {
    /** Rounds that are done first and forgotten: what is compiled while it runs has to be. */
    private static final int WARM_UPS = 2;

    private final List<Peer> peers;
    private final int rounds;
    private final Path directory;
    private final Results results;

    Run(List<Peer> peers, int rounds, Path directory, Results results) {
        this.peers = peers;
        this.rounds = rounds;
        this.directory = directory;
        this.results = results;
    }

    /** Does these works on this bed. */
    void on(Bed bed, List<Work> works) {
        Path here = directory.resolve(bed.name().replaceAll("[^A-Za-z0-9]+", "-"));
        List<Site> sites = new ArrayList<>();
        try (Targets targets = Targets.start(bed, here, new LoadCommand())) {
            peers.forEach(peer -> sites.add(new Site(bed, peer, targets, here.resolve(peer.name()))));
            works.forEach(work -> measure(new Row(bed.name(), work), sites));
        } finally {
            sites.forEach(Site::close);
        }
    }

    private void measure(Row row, List<Site> sites) {
        Work work = row.work();
        System.out.println(row.name());
        Set<Site> out = new HashSet<>();
        for (int round = work.needsWarmUp() ? 1 - WARM_UPS : 1; round <= rounds; round++) {
            for (Site site : sites) {
                if (out.contains(site) || !work.worksWith(site.peer())) {
                    continue;
                }
                String peer = site.peer().name();
                try {
                    Map<Metric, Double> figures = work.measure(site);
                    if (round > 0) {
                        results.add(row, peer, figures);
                        Metric first = work.metrics().get(0);
                        System.out.printf(
                                "  %d  %-14s %s %s%n", round, peer, Report.number(value(figures, first)), first.unit());
                    }
                } catch (BenchFailure e) {
                    out.add(site);
                    site.close(); // the next work begins with a new one
                    results.failed(row, peer, String.valueOf(e.getMessage()));
                    System.out.printf("  %d  %-14s %s%n", round, peer, e.getMessage());
                }
            }
        }
    }

    private static double value(Map<Metric, Double> figures, Metric metric) {
        Double value = figures.get(metric);
        return value == null ? Double.NaN : value;
    }
}
