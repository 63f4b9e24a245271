package dev.culvert.bench;

import dev.culvert.bench.Results.Figure;
import dev.culvert.bench.Results.Row;
import dev.culvert.bench.work.Bulk;
import dev.culvert.bench.work.Memory;
import dev.culvert.bench.work.Memory.Held;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** A drawing, as SVG. */
final class Plot {
    private static final int WIDTH = 720;
    private static final int LABELS = 130;
    private static final int BAR = 22;
    private static final String OURS = "#0b6e4f";
    private static final String THEIRS = "#8a8f98";
    private static final List<String> COLORS = List.of(
            "#0b6e4f", "#08a045", "#3b3f46", "#b5179e", "#4361ee", "#f77f00", "#d62828", "#7b2cbf", "#118ab2",
            "#8a8f98", "#bc6c25");

    private final int height;
    private final StringBuilder body = new StringBuilder();

    private Plot(int height) {
        this.height = height;
    }

    /** Where the plot of a row goes. */
    static String file(Row row) {
        return row.name().replaceAll("[^A-Za-z0-9-]+", "-") + ".svg";
    }

    /** A bar for each peer, with a line from its lowest round to its highest. */
    static Plot bars(Results results, Row row, List<String> peers) {
        Metric metric = row.work().metrics().get(0);
        Map<String, Figure> figures = new LinkedHashMap<>();
        peers.forEach(peer -> results.figure(row, peer, metric).ifPresent(figure -> figures.put(peer, figure)));
        double most =
                figures.values().stream().mapToDouble(Figure::highest).max().orElse(1);
        Plot plot = new Plot(40 + BAR * figures.size());
        plot.text(
                8,
                20,
                "start",
                row.name() + ": " + metric.name() + ", " + metric.unit()
                        + (metric.higherIsBetter() ? "" : " (less is better)"));
        double scale = (WIDTH - LABELS - 90) / most;
        int y = 34;
        for (Map.Entry<String, Figure> entry : figures.entrySet()) {
            Figure figure = entry.getValue();
            plot.text(LABELS - 6, y + 14, "end", entry.getKey());
            plot.add(
                    "<rect x='%d' y='%d' width='%.1f' height='%d' fill='%s'/>",
                    LABELS, y, figure.median() * scale, BAR - 5, entry.getKey().startsWith("culvert") ? OURS : THEIRS);
            double low = LABELS + figure.lowest() * scale;
            double high = LABELS + figure.highest() * scale;
            plot.add("<path d='M%.1f %d H%.1f' stroke='black'/>", low, y + (BAR - 5) / 2, high);
            plot.text((int) high + 6, y + 14, "start", Report.number(figure.median()));
            y += BAR;
        }
        return plot;
    }

    /**
     * The rate of one connection by the round trip of its link, a line for each peer; empty if that was not measured.
     */
    static Optional<Plot> roundTrips(Results results) {
        Lines lines = new Lines();
        for (Bed.LinkSpec link : Beds.FAST) {
            results.rows().stream()
                    .filter(row -> link.loss() == 0 && row.bed().equals(link.toString()) && row.work() instanceof Bulk)
                    .forEach(row -> results.peers(row)
                            .forEach(peer -> results.figure(row, peer, Bulk.RATE)
                                    .ifPresent(figure -> lines.add(peer, link.roundTrip(), figure.median()))));
        }
        return lines.plot("one connection over 1 Gbit/s: Mbit/s by round trip, ms");
    }

    /** The memory of an agent by what it holds, a line for each peer; empty if that was not measured. */
    static Optional<Plot> growth(Results results, Held held, Metric agent) {
        Lines lines = new Lines();
        for (Row row : results.rows()) {
            if (row.work() instanceof Memory memory && memory.held() == held) {
                results.peers(row)
                        .forEach(peer -> results.figure(row, peer, agent)
                                .ifPresent(figure -> lines.add(peer, memory.count(), figure.median())));
            }
        }
        return lines.plot(agent.name() + ": resident MB by " + held.prefix() + "N");
    }

    /** A value by a number, for each peer. */
    private static final class Lines {
        private static final int BOTTOM = 320;
        private static final int LEFT = 60;

        private final Map<String, TreeMap<Integer, Double>> lines = new LinkedHashMap<>();

        void add(String peer, int x, double y) {
            lines.computeIfAbsent(peer, name -> new TreeMap<>()).put(x, y);
        }

        Optional<Plot> plot(String title) {
            if (lines.values().stream().noneMatch(line -> line.size() > 1)) {
                return Optional.empty();
            }
            double most = lines.values().stream()
                    .flatMap(line -> line.values().stream())
                    .mapToDouble(value -> value)
                    .max()
                    .orElse(1);
            int last = lines.values().stream().mapToInt(TreeMap::lastKey).max().orElse(1);
            Plot plot = new Plot(BOTTOM + 40);
            plot.text(8, 20, "start", title);
            plot.add("<path d='M%d 40 V%d H%d' stroke='black' fill='none'/>", LEFT, BOTTOM, WIDTH - 140);
            for (int i = 0; i <= 4; i++) {
                plot.text(LEFT - 6, BOTTOM - i * 65 + 4, "end", Report.number(most * i / 4));
            }
            lines.values().stream()
                    .flatMap(line -> line.keySet().stream())
                    .distinct()
                    .forEach(x -> plot.text((int) across(x, last), BOTTOM + 18, "middle", Integer.toString(x)));
            int index = 0;
            for (Map.Entry<String, TreeMap<Integer, Double>> line : lines.entrySet()) {
                String color = COLORS.get(index % COLORS.size());
                List<String> points = new ArrayList<>();
                line.getValue()
                        .forEach((x, y) -> points.add(
                                String.format(Locale.ROOT, "%.1f,%.1f", across(x, last), BOTTOM - 260 * y / most)));
                plot.add(
                        "<polyline points='%s' fill='none' stroke='%s' stroke-width='2'/>",
                        String.join(" ", points), color);
                plot.add("<rect x='%d' y='%d' width='12' height='3' fill='%s'/>", WIDTH - 130, 46 + 18 * index, color);
                plot.text(WIDTH - 112, 52 + 18 * index, "start", line.getKey());
                index++;
            }
            return Optional.of(plot);
        }

        private static double across(int x, int last) {
            return LEFT + (WIDTH - 220.0) * x / last;
        }
    }

    private void text(int x, int y, String anchor, String text) {
        add(
                "<text x='%d' y='%d' text-anchor='%s'>%s</text>",
                x, y, anchor, text.replace("&", "&amp;").replace("<", "&lt;"));
    }

    private void add(String format, Object... arguments) {
        body.append(String.format(Locale.ROOT, format, arguments)).append('\n');
    }

    void write(Path file) {
        Files.write(
                file,
                "<svg xmlns='http://www.w3.org/2000/svg' width='%1$d' height='%2$d' viewBox='0 0 %1$d %2$d' font-family='sans-serif' font-size='13'>"
                        .formatted(WIDTH, height),
                "<rect width='100%' height='100%' fill='white'/>",
                body.toString().stripTrailing(),
                "</svg>");
    }
}
