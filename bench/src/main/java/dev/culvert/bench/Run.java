package dev.culvert.bench;

import dev.culvert.bench.Results.Row;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** Measures: on each bed every work, in rounds, in each of which every peer has its turn. */
final class Run {
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
        List<Site> taking =
                sites.stream().filter(site -> work.worksWith(site.peer())).toList();
        if (work.needsWarmUp()) {
            taking = each(row, taking, site -> warmUp(work, site));
        }
        for (int i = 1; i <= rounds; i++) {
            int round = i;
            taking = each(row, taking, site -> measure(row, round, site));
        }
    }

    /** Does this with each; returns those that could. */
    private List<Site> each(Row row, List<Site> sites, Consumer<Site> work) {
        List<Site> able = new ArrayList<>();
        for (Site site : sites) {
            try {
                work.accept(site);
                able.add(site);
            } catch (BenchFailure e) {
                site.close(); // the next work begins with a new one
                results.failed(row, site.peer().name(), String.valueOf(e.getMessage()));
                System.out.printf("     %-14s %s%n", site.peer().name(), e.getMessage());
            }
        }
        return able;
    }

    /** What this yields is forgotten. */
    private static void warmUp(Work work, Site site) {
        Metric first = work.metrics().get(0);
        WarmUp warmUp = new WarmUp(first);
        double value;
        do {
            value = value(work.measure(site), first);
        } while (site.peer().isCompiledLate() && warmUp.goesOnAfter(value));
    }

    private void measure(Row row, int round, Site site) {
        Map<Metric, Double> figures = row.work().measure(site);
        String peer = site.peer().name();
        results.add(row, peer, figures);
        Metric first = row.work().metrics().get(0);
        System.out.printf("  %d  %-14s %s %s%n", round, peer, Report.number(value(figures, first)), first.unit());
    }

    private static double value(Map<Metric, Double> figures, Metric metric) {
        Double value = figures.get(metric);
        return value == null ? Double.NaN : value;
    }
}
