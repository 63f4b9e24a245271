package dev.culvert.dist;

import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Stock smux on one side, this tunnel on the other, in both directions: releases 1.5.24, 1.5.50 and 1.5.57, versions 1
 * and 2. The works are those of {@code dist/src/test/go/peer}; each checks every byte itself. A release without
 * half-close ends a stream only when it hears nothing more, hence the short stall-timeout.
 */
@Tag("alone")
final class InteropTest {
    private static final List<String> RELEASES = List.of("1.5.24", "1.5.50", "1.5.57");

    /** A work, and the service that it works with. */
    record Work(String service, List<String> arguments) {
        static Work of(String service, String... arguments) {
            return new Work(service, List.of(arguments));
        }

        /** Its service does not read, and gives its streams up after 25 s. */
        boolean lingers() {
            return service.equals("stalled");
        }
    }

    record Stock(String release, int version) {
        String program() {
            return "peer-" + release;
        }

        String over() {
            return "smux" + version;
        }

        boolean halfCloses() {
            return release.equals("1.5.57");
        }

        /** In version 1 one stalled reader stalls a stock session, so there is no such work for it. */
        List<Work> works() {
            List<Work> works = new ArrayList<>();
            if (version == 2) {
                works.add(Work.of("stalled", "stalled", "down"));
                works.add(Work.of("stalled", "stalled", "up"));
            }
            works.add(Work.of("echo", "echo"));
            works.add(Work.of("echo", "many", "1000"));
            works.add(Work.of("bulk", "bulk", "200000000"));
            works.add(Work.of("greeting", "greeting", halfCloses() ? "10000" : "3000"));
            works.add(Work.of("reset", "reset", "500"));
            if (halfCloses()) {
                works.add(Work.of("halfclose", "halfclose"));
            }
            return works;
        }
    }

    static Stream<Stock> peers() {
        return RELEASES.stream().flatMap(release -> Stream.of(new Stock(release, 1), new Stock(release, 2)));
    }

    @BeforeAll
    static void needsGo() {
        GoProgram.require();
    }

    @ParameterizedTest
    @MethodSource("peers")
    void aStockClientWorksThroughOurServer(Stock stock) {
        for (Work work : stock.works()) {
            try (GoProgram service = GoProgram.serve("peer-1.5.57", "serve", "--over", "tcp", work.service);
                    AgentProcess server = server(stock, service.port())) {
                report("stock client", stock, run(stock.program(), stock.over(), server, "smux.x", work));

                service.end(); // one that does not read keeps what was sent to it under way
                server.drains();
            }
        }
    }

    private record Task(Stock stock, Work work) {}

    @Test
    void ourClientWorksWithStockServers() {
        work(peers().flatMap(stock -> stock.works().stream().map(work -> new Task(stock, work)))
                .sorted(Comparator.comparing(task -> !task.work.lingers()))
                .iterator());
    }

    private static void work(Iterator<Task> tasks) {
        if (!tasks.hasNext()) {
            return;
        }
        Task task = tasks.next();
        Stock stock = task.stock;
        try (GoProgram service = GoProgram.serve(stock.program(), "serve", "--over", stock.over(), task.work.service);
                AgentProcess client = client(stock, service.port())) {
            report("stock server", stock, run("peer-1.5.57", "tcp", client, "forwards.x", task.work));
            if (task.work.lingers()) { // all others are done before its end
                work(tasks);
            }
            await().atMost(Duration.ofSeconds(60)).until(() -> service.streams() == 0);
            client.drains();
        }
        work(tasks);
    }

    private static String run(String program, String over, AgentProcess agent, String listener, Work work) {
        List<String> arguments =
                new ArrayList<>(List.of("run", "--over", over, "--connect", "127.0.0.1:" + agent.port(listener)));
        arguments.addAll(work.arguments);
        try {
            return GoProgram.run(program, arguments.toArray(new String[0]));
        } catch (AssertionError e) {
            throw new AssertionError(e.getMessage() + "\n" + agent.log(), e);
        }
    }

    private static void report(String peer, Stock stock, String result) {
        System.out.printf("InteropTest: %s %s version %d: %s%n", peer, stock.release, stock.version, result);
    }

    /** A stream that is stuck would outlast the deadline. */
    private static AgentProcess server(Stock stock, int target) {
        return AgentProcess.server()
                .withoutLeakDetection()
                .forgetEndings()
                .config("""
                        smux { x {
                          listen = "127.0.0.1:0", tls = off, target = "127.0.0.1:%d", half-close = %s, stall-timeout = 2s
                          greeting-delay = 20ms # where other work takes the processor from the peer for 10
                        } }
                        drain { timeout = 20s }
                        """.formatted(target, stock.halfCloses()))
                .start();
    }

    private static AgentProcess client(Stock stock, int upstream) {
        return AgentProcess.client()
                .withoutLeakDetection()
                .forgetEndings()
                .config("""
                        upstream {
                          servers = ["127.0.0.1:%d"], tls = off, protocol = smux-v%d, smux { half-close = %s, stall-timeout = 2s }
                        }
                        forwards { x { listen = "127.0.0.1:0" } }
                        drain { timeout = 20s }
                        """.formatted(upstream, stock.version, stock.halfCloses()))
                .start();
    }
}
