package dev.culvert.bench.work;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import dev.culvert.bench.BenchFailure;
import dev.culvert.bench.Program;
import dev.culvert.bench.Site;
import java.time.Duration;
import java.util.List;

/** iperf3 through a tunnel. */
final class Iperf implements AutoCloseable {
    private static final Duration SLACK = Duration.ofSeconds(20);

    private final Site site;
    private final Program program;
    private final int seconds;

    private Iperf(Site site, Program program, int seconds) {
        this.site = site;
        this.program = program;
        this.seconds = seconds;
    }

    /** The first second is not counted, unless there is only one. */
    static int uncounted(int seconds) {
        return seconds > 1 ? 1 : 0;
    }

    /** Starts sending, over so many connections. */
    static Iperf start(Site site, int connections, int seconds) {
        site.awaitQuiet("iperf"); // it serves one after the other, and a peer may still be delivering
        List<String> command = List.of(
                "iperf3",
                "-J",
                "-c",
                site.tunnel().host(),
                "-p",
                Integer.toString(site.tunnel().port("iperf")),
                "-P",
                Integer.toString(connections),
                "-O",
                Integer.toString(uncounted(seconds)),
                "-t",
                Integer.toString(seconds));
        return new Iperf(site, site.start("iperf3", command), seconds);
    }

    /** Waits for the end; returns what arrived, bit/s. */
    double bitsPerSecond() {
        try {
            Config json = ConfigFactory.parseString(
                    program.await(Duration.ofSeconds(seconds).plus(SLACK)));
            if (json.hasPath("error")) {
                throw new BenchFailure("iperf3 through " + site.peer().name() + ": " + json.getString("error"));
            }
            return json.getDouble("end.sum_received.bits_per_second");
        } catch (ConfigException e) {
            throw new BenchFailure("iperf3 through " + site.peer().name() + ": " + e.getMessage());
        }
    }

    @Override
    public void close() {
        program.close();
    }
}
