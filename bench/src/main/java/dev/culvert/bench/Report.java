package dev.culvert.bench;

import dev.culvert.bench.Results.Figure;
import dev.culvert.bench.Results.Row;
import dev.culvert.bench.work.Memory;
import dev.culvert.bench.work.Memory.Held;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A run as people read it: a Markdown file with a table and a plot for each workload, and all rounds as JSON beside it.
 */
final class Report {
    private final Results results;
    private final List<Peer> peers;

    Report(Results results, List<Peer> peers) {
        this.results = results;
        this.peers = peers;
    }

    /** Writes {@code report.md}, {@code results.json} and the plots. */
    void write(Path directory, Map<String, String> about) {
        List<String> lines = new ArrayList<>();
        lines.add("# A run of bench/run\n");
        about.forEach((name, value) -> lines.add("- " + name + ": " + value));
        results.missing().forEach((peer, why) -> lines.add("- missing: " + peer + ", " + why));
        lines.add(
                "\nMedians of all rounds, with the lowest and the highest in brackets; the best is first. The rounds of all peers"
                        + " were interleaved.");
        List<Promise.Verdict> verdicts = Promise.verdicts(results, peers);
        if (!verdicts.isEmpty()) {
            lines.add("\n## What is promised\n");
            lines.add("| work | promised | measured | |");
            lines.add("|---|---|---|---|");
            verdicts.forEach(verdict -> lines.add(verdict.markdown()));
        }
        for (Row row : results.rows()) {
            lines.addAll(section(row));
            Plot.bars(results, row, ordered(row)).write(directory.resolve(Plot.file(row)));
        }
        for (Held held : Held.values()) {
            for (Metric agent : List.of(Memory.ENTRY, Memory.EXIT)) {
                Plot.growth(results, held, agent).ifPresent(plot -> {
                    String file = "growth-" + held.prefix() + agent.name() + ".svg";
                    lines.add("\n## Memory of the " + agent.name() + ": " + held.prefix() + "N\n");
                    lines.add("![memory](" + file + ")");
                    plot.write(directory.resolve(file));
                });
            }
        }
        Plot.roundTrips(results).ifPresent(plot -> {
            lines.add("\n## One connection over long links\n");
            lines.add("![rate by round trip](round-trips.svg)");
            plot.write(directory.resolve("round-trips.svg"));
        });
        if (!results.failures().isEmpty()) {
            lines.add("\n## What did not work\n");
            results.failures().forEach((what, why) -> lines.add("- " + what + ": " + why));
        }
        Files.write(directory.resolve("report.md"), lines.toArray(String[]::new));
        Files.write(directory.resolve("results.json"), results.json(about));
    }

    private List<String> section(Row row) {
        List<Metric> metrics = row.work().metrics();
        List<String> lines = new ArrayList<>();
        lines.add("\n## " + row.work().name() + ", " + row.bed() + "\n");
        lines.add(row.work().description() + ".\n");
        lines.add("![" + row.name() + "](" + Plot.file(row) + ")\n");
        StringBuilder head = new StringBuilder("| |");
        metrics.forEach(metric -> head.append(' ')
                .append(metric.name())
                .append(", ")
                .append(metric.unit())
                .append(" |"));
        lines.add(head.toString());
        lines.add("|---|" + "---|".repeat(metrics.size()));
        for (String peer : ordered(row)) {
            StringBuilder line = new StringBuilder("| ").append(peer).append(" |");
            for (Metric metric : metrics) {
                line.append(' ')
                        .append(results.figure(row, peer, metric)
                                .map(Report::cell)
                                .orElse(""))
                        .append(" |");
            }
            lines.add(line.toString());
        }
        return lines;
    }

    /** The best by the first metric comes first. */
    private List<String> ordered(Row row) {
        Metric first = row.work().metrics().get(0);
        Comparator<String> order = Comparator.comparingDouble(
                peer -> results.figure(row, peer, first).map(Figure::median).orElse(Double.NaN));
        return results.peers(row).stream()
                .sorted(first.higherIsBetter() ? order.reversed() : order)
                .toList();
    }

    private static String cell(Figure figure) {
        return number(figure.median())
                + (figure.rounds() == 1
                        ? ""
                        : " (" + number(figure.lowest()) + " to " + number(figure.highest()) + ")");
    }

    /** Three digits say all that a run knows. */
    static String number(double value) {
        int digits = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3;
        return String.format(Locale.ROOT, "%." + digits + "f", value);
    }
}
