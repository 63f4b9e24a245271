package dev.culvert.bench.work;

import dev.culvert.bench.Metric;
import dev.culvert.bench.Peer;
import dev.culvert.bench.Program;
import dev.culvert.bench.Site;
import dev.culvert.bench.Tunnel;
import dev.culvert.bench.Work;
import dev.culvert.bench.peer.Culvert;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * The memory that agents take while they hold something; the more they hold, the more they should take, in a straight
 * line.
 *
 * @param count how much they hold; none measures the empty agents
 */
public record Memory(Held held, int count) implements Work {
    public static final Metric ENTRY = Metric.lower("entry", "MB");
    public static final Metric EXIT = Metric.lower("exit", "MB");

    /** For what was needed to start, and what is on its way, to be gone or there. */
    private static final Duration SETTLE = Duration.ofSeconds(10);

    /** What agents hold. */
    public enum Held {
        IDLE("connections that do nothing; each has carried a byte both ways"),
        UNREAD("connections that send zeros without end to readers that do not read: each fills its windows"),
        SESSIONS("sessions side by side that do nothing (Culvert only)");

        private final String text;

        Held(String text) {
            this.text = text;
        }

        /** What the names of its works begin with. */
        public String prefix() {
            return name().toLowerCase(Locale.ROOT) + "-";
        }
    }

    @Override
    public String name() {
        return held.prefix() + count;
    }

    @Override
    public String description() {
        return "resident memory of each agent with " + count + " " + held.text;
    }

    @Override
    public List<Metric> metrics() {
        return List.of(ENTRY, EXIT);
    }

    @Override
    public boolean needsWarmUp() {
        return false;
    }

    @Override
    public boolean worksWith(Peer peer) {
        return held == Held.SESSIONS ? peer instanceof Culvert : peer.isTunnel();
    }

    @Override
    public Map<Metric, Double> measure(Site site) {
        Peer peer = site.peer() instanceof Culvert culvert && held == Held.SESSIONS
                ? culvert.withSessions(count)
                : site.peer();
        try (Tunnel tunnel = site.check(site.freshTunnel(peer))) {
            if (held == Held.SESSIONS || count == 0) {
                Program.pause(SETTLE);
                return memory(tunnel);
            }
            String target = held == Held.IDLE ? "echo" : "source";
            String load = held == Held.IDLE ? "idle" : "stall";
            try (Program connections = site.startLoad(tunnel, load, target, Integer.toString(count))) {
                connections.awaitOutput("READY");
                if (held == Held.UNREAD) {
                    Program.pause(SETTLE);
                }
                return memory(tunnel);
            }
        }
    }

    private static Map<Metric, Double> memory(Tunnel tunnel) {
        return Map.of(ENTRY, megabytes(tunnel.entry()), EXIT, megabytes(tunnel.exit()));
    }

    private static double megabytes(Optional<Program> agent) {
        return agent.orElseThrow().residentBytes() / 1e6;
    }
}
