package dev.culvert.bench;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigValueFactory;
import dev.culvert.bench.Results.Figure;
import dev.culvert.bench.Results.Row;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The ratios of a good run, to notice a bad one by. A ratio has fallen when even its best round is below this part of what it was:
 * the rounds of one commit differ by less.
 */
final class Baseline {
    private static final double NOISE = 0.8;
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

    /** A sentence for each ratio that has fallen; throws if the run has none that can be compared. */
    List<String> fallen(Results results) {
        Config kept = ConfigFactory.parseFile(file.toFile());
        List<String> sentences = new ArrayList<>();
        int compared = 0;
        for (Map.Entry<String, Figure> ratio : ratios(results).entrySet()) {
            Object before = kept.root().unwrapped().get(ratio.getKey());
            if (before instanceof Number was) {
                compared++;
                double now = ratio.getValue().highest();
                System.out.printf(
                        "%-48s %s, was %s%n",
                        ratio.getKey(), Report.number(ratio.getValue().median()), Report.number(was.doubleValue()));
                if (now < NOISE * was.doubleValue()) {
                    sentences.add("%s was %s and is %s at best"
                            .formatted(ratio.getKey(), Report.number(was.doubleValue()), Report.number(now)));
                }
            }
        }
        if (compared == 0) {
            throw new BenchFailure("nothing of this run can be compared with " + file);
        }
        return sentences;
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
