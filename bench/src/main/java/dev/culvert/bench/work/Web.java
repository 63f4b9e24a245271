package dev.culvert.bench.work;

import dev.culvert.bench.BenchFailure;
import dev.culvert.bench.Metric;
import dev.culvert.bench.Site;
import dev.culvert.bench.Work;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Small requests to nginx on 64 connections at a time.
 *
 * @param keepAlive connections are kept; else there is a new one for each request
 */
public record Web(boolean keepAlive, int seconds) implements Work {
    public static final Metric REQUESTS = Metric.higher("requests", "1/s");

    private static final Pattern RATE = Pattern.compile("Requests/sec:\\s+([0-9.]+)");
    private static final Pattern ERRORS = Pattern.compile("Socket errors:.*");

    @Override
    public String name() {
        return keepAlive ? "requests" : "connections";
    }

    @Override
    public String description() {
        return "wrk and nginx, 64 connections at a time, an answer of 256 bytes; "
                + (keepAlive ? "connections are kept" : "a new connection for each request");
    }

    @Override
    public List<Metric> metrics() {
        return List.of(REQUESTS);
    }

    @Override
    public Map<Metric, Double> measure(Site site) {
        List<String> command = new ArrayList<>(List.of("wrk", "-t1", "-c64", "-d" + seconds + "s"));
        if (!keepAlive) {
            command.addAll(List.of("-H", "Connection: close"));
        }
        command.add("http://" + site.tunnel().host() + ":" + site.tunnel().port("web") + "/");
        String output = site.run("wrk", Duration.ofSeconds(seconds + 20L), command);
        Matcher rate = RATE.matcher(output);
        Matcher errors = ERRORS.matcher(output);
        if (errors.find()) {
            throw new BenchFailure(errors.group());
        } else if (!rate.find()) {
            throw new BenchFailure("wrk said: " + output);
        }
        return Map.of(REQUESTS, Double.parseDouble(rate.group(1)));
    }
}
