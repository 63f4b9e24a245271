package dev.culvert.bench;

import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigValueFactory;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** Every figure of a run, and what the rounds together say. */
public final class Results {
    /** What is measured where. */
    public record Row(String bed, Work work) {
        /** As the JSON file and the command line name it. */
        public String name() {
            return bed + "/" + work.name();
        }
    }

    private record Key(Row row, String peer, Metric metric) {}

    /** The rounds together. */
    public record Figure(double median, double lowest, double highest, int rounds) {
        static Figure of(List<Double> values) {
            double[] sorted =
                    values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
            int middle = sorted.length / 2;
            double median = sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
            return new Figure(median, sorted[0], sorted[sorted.length - 1], sorted.length);
        }
    }

    private final Map<Key, List<Double>> values = new LinkedHashMap<>();
    private final Map<String, String> failures = new LinkedHashMap<>();
    private final Map<String, String> missing = new LinkedHashMap<>();

    void add(Row row, String peer, Map<Metric, Double> figures) {
        figures.forEach((metric, value) -> values.computeIfAbsent(new Key(row, peer, metric), key -> new ArrayList<>())
                .add(value));
    }

    /** A peer that could not do a work: what it said. */
    void failed(Row row, String peer, String why) {
        failures.putIfAbsent(
                row.name() + ": " + peer, why.lines().findFirst().orElse("").strip());
    }

    /** A peer that is not here. */
    void missing(String peer, String why) {
        missing.put(peer, why);
    }

    public Map<String, String> failures() {
        return failures;
    }

    public Map<String, String> missing() {
        return missing;
    }

    /** In the order in which they were measured. */
    public Set<Row> rows() {
        Set<Row> rows = new LinkedHashSet<>();
        values.keySet().forEach(key -> rows.add(key.row));
        return rows;
    }

    /** Those that have a figure of this. */
    public List<String> peers(Row row) {
        return values.keySet().stream()
                .filter(key -> key.row.equals(row))
                .map(Key::peer)
                .distinct()
                .toList();
    }

    public Optional<Figure> figure(Row row, String peer, Metric metric) {
        return Optional.ofNullable(values.get(new Key(row, peer, metric))).map(Figure::of);
    }

    /** The median; empty if it was not measured. */
    public Optional<Double> median(String row, String peer, Metric metric) {
        return rows().stream()
                .filter(r -> r.name().equals(row))
                .flatMap(r -> figure(r, peer, metric).stream())
                .map(Figure::median)
                .findFirst();
    }

    /** Each round of one peer divided by the same round of another: noise that lasts longer than a round is in both. */
    public Optional<Figure> ratio(String row, Metric metric, String peer, String other) {
        List<Double> ours = rounds(row, peer, metric);
        List<Double> theirs = rounds(row, other, metric);
        List<Double> ratios = new ArrayList<>();
        for (int i = 0; i < Math.min(ours.size(), theirs.size()); i++) {
            ratios.add(ours.get(i) / theirs.get(i));
        }
        return ratios.isEmpty() ? Optional.empty() : Optional.of(Figure.of(ratios));
    }

    private List<Double> rounds(String row, String peer, Metric metric) {
        return values.entrySet().stream()
                .filter(entry -> entry.getKey().row.name().equals(row)
                        && entry.getKey().peer.equals(peer)
                        && entry.getKey().metric.equals(metric))
                .map(Map.Entry::getValue)
                .findFirst()
                .orElse(List.of());
    }

    /** Everything, as JSON: row, peer and metric lead to the rounds. */
    public String json(Map<String, String> about) {
        Map<String, Map<String, Map<String, List<Double>>>> tree = new LinkedHashMap<>();
        values.forEach((key, rounds) -> tree.computeIfAbsent(key.row.name(), row -> new LinkedHashMap<>())
                .computeIfAbsent(key.peer, peer -> new LinkedHashMap<>())
                .put(key.metric.name() + " " + key.metric.unit(), rounds));
        return ConfigValueFactory.fromMap(
                                Map.of("about", about, "missing", missing, "failures", failures, "rounds", tree))
                        .render(ConfigRenderOptions.concise().setFormatted(true))
                + "\n";
    }

    /** The best median of these peers, and whose it is. */
    public Optional<Map.Entry<String, Double>> best(String row, Metric metric, Stream<String> peers) {
        return peers.flatMap(peer -> median(row, peer, metric).map(value -> Map.entry(peer, value)).stream())
                .max((a, b) -> Double.compare(a.getValue(), b.getValue()) * (metric.higherIsBetter() ? 1 : -1));
    }
}
