package dev.culvert.bench;

import dev.culvert.bench.Bed.Side;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The services behind the exit, and the forwards that lead to them: {@code iperf}, {@code web}, {@code echo},
 * {@code source}.
 */
public final class Targets implements AutoCloseable {
    private static final List<String> NAMES = List.of("iperf", "web", "echo", "source");

    private final Bed bed;
    private final List<Integer> ports = new ArrayList<>();
    private final List<Program> programs = new ArrayList<>();

    /** Starts them. */
    public static Targets start(Bed bed, Path directory, LoadCommand load) {
        Targets targets = new Targets(bed);
        try {
            targets.add(
                    bed.freePort(), port -> List.of("iperf3", "-s", "-p", Integer.toString(port)), directory, "iperf");
            targets.add(bed.freePort(), port -> nginx(directory, port), directory, "web");
            targets.add(bed.freePort(), port -> load.of("echo", Integer.toString(port)), directory, "echo");
            targets.add(bed.freePort(), port -> load.of("source", Integer.toString(port)), directory, "source");
        } catch (RuntimeException e) {
            targets.close();
            throw e;
        }
        return targets;
    }

    private Targets(Bed bed) {
        this.bed = bed;
    }

    private void add(int port, java.util.function.IntFunction<List<String>> command, Path directory, String name) {
        Program program = bed.start(Side.EXIT, name, directory, command.apply(port));
        programs.add(program);
        ports.add(port);
        program.awaitListening(port);
    }

    private static List<String> nginx(Path directory, int port) {
        Path file = directory.resolve("nginx.conf");
        Files.write(
                file,
                "daemon off; worker_processes 1; pid " + directory.resolve("nginx.pid") + "; error_log stderr;",
                "events { worker_connections 16384; }",
                "http {",
                "  access_log off; keepalive_requests 100000000; keepalive_timeout 1h;",
                "  client_body_temp_path " + directory + "; proxy_temp_path " + directory + "; fastcgi_temp_path "
                        + directory + "; uwsgi_temp_path " + directory + "; scgi_temp_path " + directory + ";",
                "  server {",
                "    listen " + port + " backlog=4096;",
                "    location / { return 200 \"" + "0123456789abcdef".repeat(16) + "\"; }",
                "  }",
                "}");
        return List.of("nginx", "-c", file.toString());
    }

    /** Waits until nobody is connected to one of them. */
    void awaitQuiet(String name) {
        int index = NAMES.indexOf(name);
        programs.get(index).awaitQuiet(ports.get(index));
    }

    /** A forward to each of them, on ports of its own. */
    public List<Forward> forwards() {
        List<Forward> forwards = new ArrayList<>();
        for (int i = 0; i < ports.size(); i++) {
            forwards.add(new Forward(NAMES.get(i), bed.freePort(), ports.get(i)));
        }
        return forwards;
    }

    @Override
    public void close() {
        programs.forEach(Program::close);
    }
}
