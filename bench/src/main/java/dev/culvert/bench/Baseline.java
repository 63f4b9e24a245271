package dev.culvert.bench;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigValueFactory;
import dev.culvert.bench.Results.Figure;
import dev.culvert.bench.Results.Row;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The ratios of a good run, to notice a bad one by. A rate has fallen when, beside every yardstick, even its best round
 * is below this part of what it was: the rounds of one commit differ by less, and a yardstick that had a bad moment
 * proves nothing.
 */
final class Baseline {
    private static final double NOISE = 0.75;
    private static final List<String> YARDSTICKS = List.of("go-smux", "direct");

    private final Path file;

    Baseline(Path file) {
        this.file = file;
    }

    /** Keeps the ratios of this run. */
    void save(Results results) {
        Map<String, Double> ratios = new LinkedHashMap<>();
        ratios(results).forEach((name, figure) -> ratios.put(name, Math.round(figure.median() * 1000) / 1000.0));
        Files.write(
                file,
                ConfigValueFactory.fromMap(ratios)
                        .render(ConfigRenderOptions.concise().setFormatted(true)));
    }

    /** A sentence for each rate that has fallen; throws if the run has none that can be compared. */
    List<String> fallen(Results results) {
        Config kept = ConfigFactory.parseFile(file.toFile());
        Map<String, List<String>> low = new LinkedHashMap<>();
        Set<String> held = new HashSet<>();
        ratios(results).forEach((name, figure) -> {
            if (kept.root().unwrapped().get(name) instanceof Number was) {
                System.out.printf(
                        "%-40s %s, was %s%n", name, Report.number(figure.median()), Report.number(was.doubleValue()));
                String rate = name.substring(0, name.lastIndexOf(':'));
                if (figure.highest() < NOISE * was.doubleValue()) {
                    low.computeIfAbsent(rate, any -> new ArrayList<>())
                            .add("%s was %s and is %s at best"
                                    .formatted(
                                            name, Report.number(was.doubleValue()), Report.number(figure.highest())));
                } else {
                    held.add(rate);
                }
            }
        });
        if (low.isEmpty() && held.isEmpty()) {
            throw new BenchFailure("nothing of this run can be compared with " + file);
        }
        low.keySet().removeAll(held);
        return low.values().stream().flatMap(List::stream).toList();
    }

    private static Map<String, Figure> ratios(Results results) {
        Map<String, Figure> ratios = new LinkedHashMap<>();
        for (Row row : results.rows()) {
            Metric metric = row.work().metrics().get(0);
            for (String culvert : List.of(Promise.CLEAR, Promise.TLS)) {
                for (String yardstick : YARDSTICKS) {
                    results.ratio(row.name(), metric, culvert, yardstick)
                            .ifPresent(ratio -> ratios.put(row.name() + " " + culvert + ":" + yardstick, ratio));
                }
            }
        }
        return ratios;
    }
}
