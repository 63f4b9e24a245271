package dev.culvert.bench;

import dev.culvert.bench.Bed.LinkSpec;
import dev.culvert.bench.peer.Culvert;
import dev.culvert.bench.work.Bulk;
import dev.culvert.bench.work.Echo;
import dev.culvert.bench.work.Memory;
import dev.culvert.bench.work.Memory.Held;
import dev.culvert.bench.work.Stalled;
import dev.culvert.bench.work.Start;
import dev.culvert.bench.work.Web;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/** What Culvert promises of its speed, and whether a run keeps it. */
final class Promise {
    static final String CLEAR = "culvert";
    static final String TLS = "culvert-tls";
    private static final String GO = "go-smux";
    private static final String DIRECT = "direct";
    private static final String SSH = "ssh";
    private static final String LOCAL = "loopback/";

    private final Results results;
    private final List<Peer> peers;
    private final List<Verdict> verdicts = new ArrayList<>();

    /**
     * A promise, and what was measured.
     *
     * @param measured in words
     */
    record Verdict(String work, String promised, String measured, boolean kept) {
        String markdown() {
            return "| %s | %s | %s | %s |".formatted(work, promised, measured, kept ? "kept" : "**not kept**");
        }
    }

    private Promise(Results results, List<Peer> peers) {
        this.results = results;
        this.peers = peers;
    }

    /** Of all that was measured, together with what it is compared to. */
    static List<Verdict> verdicts(Results results, List<Peer> peers) {
        Promise promise = new Promise(results, peers);
        promise.bulk();
        promise.web();
        promise.latency();
        promise.links();
        promise.memory();
        return promise.verdicts;
    }

    private void bulk() {
        String one = LOCAL + new Bulk(1, 0).name();
        String many = LOCAL + new Bulk(16, 0).name();
        times(one, Bulk.RATE, CLEAR, GO, 2.2);
        best(one, Bulk.RATE, CLEAR, peer -> !peer.encrypts());
        times(one, Bulk.RATE, CLEAR, DIRECT, 0.4);
        times(many, Bulk.RATE, CLEAR, GO, 1.6);
        best(many, Bulk.RATE, CLEAR, peer -> true);
        for (String row : List.of(one, many)) {
            for (String ours : List.of(CLEAR, TLS)) {
                times(row, Bulk.RATE, ours, ours + "-no-resume", 0.97);
            }
            times(row, Bulk.RATE, TLS, SSH, 2);
            best(row, Bulk.RATE, TLS, Peer::encrypts);
        }
    }

    private void web() {
        String requests = LOCAL + new Web(true, 0).name();
        String connections = LOCAL + new Web(false, 0).name();
        times(requests, Web.REQUESTS, CLEAR, GO, 2.5);
        best(requests, Web.REQUESTS, CLEAR, peer -> true);
        times(connections, Web.REQUESTS, CLEAR, GO, 1.5);
        best(connections, Web.REQUESTS, CLEAR, peer -> true);
    }

    private void latency() {
        times(LOCAL + new Echo(0, 0).name(), Echo.P50, CLEAR, GO, 0.7);
        String beside = "/" + new Echo(4, 0).name();
        for (String culvert : List.of(CLEAR, TLS)) {
            for (LinkSpec link : List.of(Beds.SLOW, Beds.SLOW_CUBIC)) {
                String row = link + beside;
                most(row, Echo.P99, culvert, 60);
                times(row, Echo.P99, culvert, GO, 0.25);
                times(row, Echo.P99, culvert, SSH, 0.25);
                least(row, Echo.BULK, culvert, 0.9 * link.rate());
            }
            times(Beds.HOME + beside, Echo.P99, culvert, DIRECT, 0.15);
            least(Beds.HOME + beside, Echo.BULK, culvert, 0.9 * Beds.HOME.rate());
        }
        least(LOCAL + new Stalled(64, 0).name(), Stalled.SHARE, CLEAR, 0.9);
    }

    private void links() {
        for (LinkSpec link : Beds.FAST) {
            String row = link + "/" + new Bulk(1, 0).name();
            times(row, Bulk.RATE, CLEAR, DIRECT, 0.9);
            times(row, Bulk.RATE, TLS, DIRECT, 0.9);
        }
    }

    private void memory() {
        for (Metric agent : List.of(Memory.ENTRY, Memory.EXIT)) {
            String empty = LOCAL + new Memory(Held.IDLE, 0).name();
            most(empty, agent, CLEAR, 90);
            most(empty, agent, TLS, 90);
            Optional<Double> before = results.median(empty, CLEAR, agent);
            Optional<Double> after = results.median(LOCAL + new Memory(Held.IDLE, 10_000).name(), CLEAR, agent);
            if (before.isPresent() && after.isPresent()) {
                double each = (after.get() - before.get()) * 1e6 / 10_000 / 1024;
                add(
                        "idle-10000, " + agent.name(),
                        "at most 6 KiB for each connection",
                        Report.number(each) + " KiB",
                        each <= 6);
            }
        }
        most(LOCAL + new Start().name(), Start.TIME, CLEAR, 0.8);
        most(LOCAL + new Start().name(), Start.TIME, TLS, 0.8);
    }

    private void times(String row, Metric metric, String ours, String other, double factor) {
        Optional<Double> our = results.median(row, ours, metric);
        Optional<Double> their = results.median(row, other, metric);
        if (our.isPresent() && their.isPresent()) {
            double ratio = our.get() / their.get();
            boolean more = metric.higherIsBetter();
            add(
                    what(row, metric, ours),
                    (more ? "at least " : "at most ") + factor + " x " + other,
                    Report.number(ratio) + " x",
                    more ? ratio >= factor : ratio <= factor);
        }
    }

    private void best(String row, Metric metric, String ours, Predicate<Peer> among) {
        Optional<Double> our = results.median(row, ours, metric);
        Optional<Map.Entry<String, Double>> rival = results.best(
                row,
                metric,
                peers.stream()
                        .filter(among)
                        .filter(peer -> peer.isTunnel() && !(peer instanceof Culvert))
                        .map(Peer::name));
        if (our.isPresent() && rival.isPresent()) {
            double ratio = our.get() / rival.get().getValue();
            add(
                    what(row, metric, ours),
                    "the best of all" + (ours.equals(TLS) ? " that encrypt" : ""),
                    Report.number(ratio) + " x " + rival.get().getKey(),
                    ratio >= 1);
        }
    }

    private void most(String row, Metric metric, String ours, double limit) {
        results.median(row, ours, metric)
                .ifPresent(value -> add(
                        what(row, metric, ours),
                        "at most " + Report.number(limit) + " " + metric.unit(),
                        Report.number(value) + " " + metric.unit(),
                        value <= limit));
    }

    private void least(String row, Metric metric, String ours, double limit) {
        results.median(row, ours, metric)
                .ifPresent(value -> add(
                        what(row, metric, ours),
                        "at least " + Report.number(limit) + " " + metric.unit(),
                        Report.number(value) + " " + metric.unit(),
                        value >= limit));
    }

    private static String what(String row, Metric metric, String peer) {
        return row.replaceFirst("^" + LOCAL, "") + ", " + metric.name() + ", " + peer;
    }

    private void add(String work, String promised, String measured, boolean kept) {
        verdicts.add(new Verdict(work, promised, measured, kept));
    }
}
