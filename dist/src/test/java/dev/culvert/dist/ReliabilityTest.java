package dev.culvert.dist;

import static dev.culvert.dist.Network.Direction.BOTH;
import static dev.culvert.dist.Network.Direction.TO_CLIENT;
import static dev.culvert.dist.Network.Direction.TO_SERVER;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * What those who use a tunnel see while something happens to it, and how soon it is over: makes the table of
 * docs/reliability.md, and leaves the page with it in dist/target/reliability.md. Takes real time, and so runs only
 * with {@code -Preliability}; with {@code -Dculvert.reliability=short} beside it, without the cases that are long.
 * Several cases run at once, each with agents and a network of its own.
 */
@Tag("alone")
final class ReliabilityTest {
    private static final String EXTENT = System.getProperty("culvert.reliability", "");
    private static final int AT_ONCE = 6;
    private static final long SEED = Long.getLong("culvert.reliability.seed", 7);
    /** keepalive.timeout, within which a dead link is noticed, and the longest pause between dials. */
    private static final Duration SOON = Duration.ofSeconds(20);
    /** How long a new connection waits for a session, upstream.wait. */
    private static final Duration WAIT = Duration.ofSeconds(10);

    /** In docs/reliability.md. */
    private static final String TABLE_BEGINS = "<!-- what ReliabilityTest has seen -->\n";

    private static final String TABLE_ENDS = "\n<!-- until here -->";

    private static final ExecutorService THREADS = Executors.newFixedThreadPool(AT_ONCE);
    private static final Map<String, Saw> TABLE = new LinkedHashMap<>();

    /** What is done to a tunnel, until it is over. */
    @FunctionalInterface
    private interface Fault {
        void happen(Scene scene) throws Exception;
    }

    /** What those who used the tunnel saw. */
    private record Saw(String what, String back, String silence, String newcomers) {
        /** They were reset, so there was an end and no silence. */
        Saw withoutSilence() {
            return new Saw(what, back, "", newcomers);
        }

        static String seconds(Duration time) {
            return "%.1f s".formatted(time.toMillis() / 1000.0);
        }
    }

    @FunctionalInterface
    private interface Body {
        Saw run() throws Exception;
    }

    /**
     * @param seconds about how long it takes: the longest ones begin first
     * @param requirement skips it where it is not possible, and says what it was
     */
    private record Case(String name, int seconds, boolean isShort, Consumer<String> requirement, Body body) {
        boolean isWanted() {
            return EXTENT.equals("full") || (EXTENT.equals("short") && isShort);
        }
    }

    private static List<Case> cases() {
        List<Case> cases = new ArrayList<>();
        cases.add(routed("the link is reset, both sides see it", 1, true, survives(scene -> {
            String port = ":" + scene.server().port("listen");
            String killed = Programs.run("ss", "-K", "state", "established", "sport", "=", port)
                    .expect(0)
                    .output();
            assertThat(killed).as("what ss has killed").contains(port);
        })));
        cases.add(linked(
                "a proxy on the way resets it",
                1,
                survives(scene -> scene.link().cut())));
        cases.add(linked(
                "a middlebox ends it in good order (FIN)",
                1,
                survives(scene -> scene.link().finish())));
        cases.add(linked(
                "it is cut 20 times in the middle of whatever is on it", 20, survives(ReliabilityTest::cutOften)));
        for (int seconds : List.of(1, 5, 30, 55, 120)) {
            cases.add(silence("both ways", BOTH, seconds, seconds <= 30));
            cases.add(silence("to the server", TO_SERVER, seconds, seconds == 30));
            cases.add(silence("to the client", TO_CLIENT, seconds, seconds == 30));
        }
        cases.add(routed(
                "the client has another address, the old one is gone",
                20,
                true,
                survives(scene -> scene.network().changeAddress())));
        cases.add(addresses(10));
        cases.add(new Case(
                "the server's name does not resolve for 10 s, and then to another address, the old one is gone",
                30,
                true,
                Network::require,
                ReliabilityTest::otherServerAddress));
        cases.add(emulated("1 % of the packets are lost", "--loss", "1%"));
        cases.add(emulated("5 % of the packets are lost", "--loss", "5%"));
        cases.add(emulated("up to 50 ms of jitter each way", "--jitter", "50ms"));
        cases.add(emulated("1 % of the packets are overtaken by five others", "--reorder", "1%"));
        for (int seconds : List.of(5, 20)) {
            cases.add(linked(
                    "the server is stopped for " + seconds + " s (SIGSTOP)",
                    seconds,
                    survives(scene -> stop(scene.server(), seconds))));
            cases.add(linked(
                    "the client is stopped for " + seconds + " s",
                    seconds,
                    survives(scene -> stop(scene.client(), seconds))));
        }
        cases.add(routed("a shell: nothing passes for 30 s, and one types on", 30, true, ReliabilityTest::shell));
        cases.add(linked(
                "the server is killed and started again",
                5,
                breaks("does not know the session any more: it was restarted", Scene::killServer)));
        cases.add(new Case(
                "the client is killed and started again; the server has resume.window = 3s",
                5,
                true,
                ReliabilityTest::requireNothing,
                () -> clientKilled(Scene.linked(tunnel -> tunnel.server("resume.window = 3s")))));
        cases.add(new Case(
                "the time of day jumps for both, by an hour and by a day, ahead and back",
                40,
                true,
                WallClock::require,
                ReliabilityTest::timeJumps));
        cases.add(new Case(
                "the client's time of day jumps a day ahead, later the server's a day back; the link is reset after each",
                5,
                true,
                WallClock::require,
                ReliabilityTest::timeJumpsAndCuts));
        cases.add(exhausted(
                "no file descriptor is left, in both agents, when the link is lost",
                "connections wait; the link is replaced when some have ended, within `resume.window`",
                ReliabilityTest::requireNothing,
                Exhaustion::noDescriptor));
        cases.add(exhausted(
                "the disk under the log is full",
                "nothing; when there is room again, the log says how many lines are missing",
                Exhaustion::requireMount,
                Exhaustion::noDisk));
        cases.add(exhausted(
                "200 connections send all they can, both ways, and half of them are not read from; both agents have 64 MB for buffers",
                "others go on; who holds the most may be reset: limit reached",
                ReliabilityTest::requireNothing,
                Exhaustion::littleMemory));
        cases.add(exhausted(
                "the same, and the server has 8 MB for buffers",
                "it ends at once, says why, and is started again: its exit code is 4",
                ReliabilityTest::requireNothing,
                Exhaustion::noMemory));
        return cases;
    }

    /** A case that is possible everywhere. */
    private static void requireNothing(String what) {}

    private static Case linked(String name, int seconds, OnScene use) {
        return new Case(name, seconds, true, ReliabilityTest::requireNothing, () -> use.on(Scene.linked(tunnel -> {})));
    }

    private static Case routed(String name, int seconds, boolean isShort, OnScene use) {
        return new Case(name, seconds, isShort, Network::require, () -> use.on(Scene.routed(tunnel -> {})));
    }

    @FunctionalInterface
    private interface Use {
        void run() throws Exception;
    }

    private static Case exhausted(String name, String what, Consumer<String> requirement, Use use) {
        return new Case(name, 5, true, requirement, () -> {
            use.run();
            return new Saw(what, "", "", "");
        });
    }

    /** A link that stays as it is for a while. */
    private static Case emulated(String name, String... options) {
        List<String> emulation = new ArrayList<>(List.of("--rate", "50mbit", "--rtt", "100ms"));
        emulation.addAll(List.of(options));
        OnScene use = survives(scene -> pass(15));
        return new Case(
                "round trips of 100 ms; " + name,
                20,
                !name.startsWith("1 % of the packets are lost"),
                Network::require,
                () -> use.on(Scene.routed(tunnel -> {}, new Network(emulation))));
    }

    /** One address after the other, as soon as the session goes on. */
    private static Case addresses(int count) {
        Fault fault = scene -> {
            for (int i = 1; i <= count; i++) {
                scene.network().changeAddress();
                scene.client().awaitLog("goes on after", i);
            }
        };
        return new Case(
                count + " other addresses, one after the other",
                2 * count,
                true,
                Network::require,
                () -> survives(fault).on(Scene.routed(tunnel -> {})));
    }

    private static Saw otherServerAddress() throws Exception {
        Network network = new Network(List.of());
        try (NameServer names = new NameServer(network.testAddress())) {
            names.say(network.serverAddress());
            return survives(scene -> {
                        names.say(null);
                        network.changeServerAddress();
                        scene.client().awaitLog("lost, \\d+ connections wait");
                        pass(10);
                        names.say(network.serverAddress());
                    })
                    .on(Scene.routed(tunnel -> tunnel.byName("server.test"), network));
        }
    }

    private static Case silence(String where, Network.Direction direction, int seconds, boolean isShort) {
        String name = "nothing passes " + where + " for " + seconds + " s";
        Fault fault = scene -> {
            scene.network().fallSilent(direction);
            pass(seconds);
            scene.network().speakAgain();
        };
        OnScene use = seconds > 60 ? breaks("it did not come back within 60000 ms", fault) : survives(fault);
        return routed(name, seconds, isShort, use);
    }

    /** A real wait: the fault lasts so long. */
    private static void pass(int seconds) throws InterruptedException {
        TimeUnit.SECONDS.sleep(seconds);
    }

    private static void stop(AgentProcess agent, int seconds) throws InterruptedException {
        agent.signal("STOP");
        pass(seconds);
        agent.signal("CONT");
    }

    /** Nobody notices: all that is timed is timed by another clock. The log has the new time. */
    private static Saw timeJumps() throws Exception {
        try (WallClock clock = new WallClock()) {
            Fault fault = scene -> {
                List<AgentProcess> agents = List.of(scene.client(), scene.server());
                for (int hours : List.of(1, 24, 0, -24, -1, 0)) {
                    Duration ahead = Duration.ofHours(hours);
                    clock.jump(ahead);
                    for (AgentProcess agent : agents) {
                        agent.awaitLog("^(%s|%s).* end: ".formatted(hour(ahead), hour(ahead.plusMinutes(1))));
                    }
                }
                List<Duration> worked =
                        agents.stream().map(AgentProcess::processorTime).toList();
                int longerThanKeepalive = 16;
                pass(longerThanKeepalive);
                for (int i = 0; i < agents.size(); i++) {
                    assertThat(agents.get(i).log().matching("WARN|lost")).isEmpty();
                    assertThat(agents.get(i).processorTime().minus(worked.get(i)))
                            .as("not all the time for timers that have run out")
                            .isLessThan(Duration.ofSeconds(longerThanKeepalive / 2));
                }
            };
            return survives("nothing", fault, 3).on(Scene.linked(tunnel -> tunnel.each(clock::giveTo)));
        }
    }

    /** The beginning of a line of the log. */
    private static String hour(Duration ahead) {
        return Instant.now().plus(ahead).toString().substring(0, "2026-11-27T21".length());
    }

    /** The key that is expected is as good as ever. */
    private static Saw timeJumpsAndCuts() throws Exception {
        try (WallClock server = new WallClock();
                WallClock client = new WallClock()) {
            Iterator<WallClock> clocks = List.of(server, client).iterator(); // in the order of their start
            return survives(scene -> {
                        client.jump(Duration.ofDays(1));
                        scene.link().cut();
                        scene.client().awaitLog("goes on after", 1);
                        server.jump(Duration.ofDays(-1));
                        scene.link().cut();
                        scene.client().awaitLog("goes on after", 2);
                    })
                    .on(Scene.linked(
                            tunnel -> tunnel.each(agent -> clocks.next().giveTo(agent))));
        }
    }

    private static void cutOften(Scene scene) {
        Random random = new Random(SEED);
        for (int i = 0; i < 20; i++) {
            int so = scene.link().connections();
            scene.link().cutAfter(random.nextInt(100_000));
            await().atMost(AgentProcess.PATIENCE).until(() -> scene.link().connections() > so);
        }
    }

    @FunctionalInterface
    private interface OnScene {
        Saw on(Scene scene) throws Exception;
    }

    /** Applications notice a pause, and nothing else. */
    private static OnScene survives(Fault fault) {
        return survives("a pause", fault, 3);
    }

    private static OnScene survives(String what, Fault fault, int transfers) {
        return scene -> {
            try (scene;
                    Applications applications = begin(scene, transfers)) {
                Duration lasted = during(fault, scene, applications);
                assertThat(applications.broken()).isEmpty();
                assertThat(applications.transferred()).isEqualTo(transfers);
                assertThat(applications.back()).isLessThan(SOON);
                if (lasted.compareTo(WAIT) < 0) {
                    assertThat(applications.refused()).isEmpty();
                }
                scene.expectNothingLeft();
                return saw(what, applications);
            }
        };
    }

    /** Connections are reset with a reason, and new ones work soon. */
    private static OnScene breaks(String reason, Fault fault) {
        return scene -> {
            try (scene;
                    Applications applications = begin(scene, 3)) {
                during(fault, scene, applications);
                assertThat(applications.broken())
                        .isNotEmpty()
                        .allSatisfy(how -> assertThat(how).contains("reset"));
                assertThat(applications.transferred()).isZero();
                String said = scene.client()
                        .awaitLog("end: (reset: .*" + reason + ".*)")
                        .group(1);
                scene.expectNothingLeft();
                return saw("after %s: %s".formatted(Saw.seconds(applications.brokenAfter()), said), applications)
                        .withoutSilence();
            }
        };
    }

    /** What is typed while nothing passes is done afterwards, once, and what ran goes on. */
    private static Saw shell(Scene scene) throws Exception {
        try (scene) {
            scene.remember();
            Duration back;
            Duration silence;
            try (ShellSession session = new ShellSession(scene.forward("shell"))) {
                session.goesOn();
                scene.network().fallSilent(BOTH);
                session.type("echo typed in the dark $((6*7))");
                pass(30);
                assertThat(session.count("typed in the dark 42")).isZero();
                int counted = session.counted();
                scene.network().speakAgain();
                long over = System.nanoTime();
                session.awaitLine("typed in the dark 42");
                back = Duration.ofNanos(System.nanoTime() - over);
                session.type("echo typed in the light");
                session.awaitLine("typed in the light");
                session.goesOn();
                assertThat(session.counted()).as("it went on meanwhile").isGreaterThan(counted + 100);
                assertThat(session.count("typed in the dark 42")).isEqualTo(1);
                silence = session.silence();
            }
            scene.expectNothingLeft();
            return new Saw("a pause; what was typed was done then", Saw.seconds(back), Saw.seconds(silence), "");
        }
    }

    /** Its applications see it at once, the targets when the window is over. */
    private static Saw clientKilled(Scene scene) throws Exception {
        try (scene) {
            scene.remember();
            Duration lasted;
            Duration back;
            try (Applications applications = begin(scene, 3)) {
                long killed = System.nanoTime();
                scene.killClient();
                int left = scene.connectionsToTargets();
                assertThat(left).isPositive();
                await().atMost(AgentProcess.PATIENCE).until(() -> scene.connectionsToTargets() == 0);
                lasted = Duration.ofNanos(System.nanoTime() - killed);
                assertThat(lasted).isBetween(Duration.ofMillis(2500), Duration.ofSeconds(8));
                assertThat(applications.broken()).isNotEmpty();
            }
            String said = scene.server()
                    .awaitLog("end: (reset: .*it did not come back within 3000 ms.*)")
                    .group(1);
            long begun = System.nanoTime();
            scene.restartClient();
            Tunnel.echoes(scene.client());
            back = Duration.ofNanos(System.nanoTime() - begun);
            scene.expectNothingLeft();
            return new Saw(
                    "reset at once; the targets after %s: %s".formatted(Saw.seconds(lasted), said),
                    Saw.seconds(back) + ", of which most is its start",
                    "",
                    "");
        }
    }

    private static Applications begin(Scene scene, int transfers) {
        scene.remember();
        Applications applications = new Applications(scene.forward("web"), SEED, transfers);
        applications.awaitUnderWay();
        return applications;
    }

    private static Duration during(Fault fault, Scene scene, Applications applications) throws Exception {
        long begun = System.nanoTime();
        applications.strike();
        fault.happen(scene);
        applications.over();
        Duration lasted = Duration.ofNanos(System.nanoTime() - begun);
        applications.awaitBack(Duration.ofSeconds(60));
        applications.finish();
        return lasted;
    }

    private static Saw saw(String what, Applications applications) {
        List<String> refused = applications.refused();
        String newcomers =
                "%d served, the slowest in %s".formatted(applications.served(), Saw.seconds(applications.slowest()));
        if (!refused.isEmpty()) {
            newcomers += ", " + refused.size() + " reset";
        }
        return new Saw(what, Saw.seconds(applications.back()), Saw.seconds(applications.silence()), newcomers);
    }

    // ---- the run, and the table

    @TestFactory
    Stream<DynamicTest> everyCase() {
        if (!EXTENT.isEmpty()) {
            System.out.println("ReliabilityTest: " + EXTENT + ", seed " + SEED);
        }
        String filter = System.getProperty("culvert.reliability.case", ".*");
        List<Case> wanted = cases().stream()
                .filter(Case::isWanted)
                .filter(each -> each.name().matches(filter))
                .toList();
        Map<String, Future<Saw>> running = new LinkedHashMap<>();
        wanted.stream()
                .sorted(Comparator.comparing(Case::seconds).reversed())
                .forEach(each -> running.put(
                        each.name(), THREADS.submit(() -> each.body().run())));
        return wanted.stream()
                .map(each -> DynamicTest.dynamicTest(each.name(), () -> {
                    each.requirement().accept("ReliabilityTest: " + each.name());
                    Saw saw = Objects.requireNonNull(running.get(each.name())).get(20, TimeUnit.MINUTES);
                    System.out.println("ReliabilityTest: " + row(each.name(), saw));
                    TABLE.put(each.name(), saw);
                }));
    }

    private static String row(String name, Saw saw) {
        return "| %s | %s | %s | %s | %s |".formatted(name, saw.what(), saw.back(), saw.silence(), saw.newcomers());
    }

    /** Writes the page with the table of this run, in which a case that has failed is missing. */
    @AfterAll
    static void writePage() throws IOException {
        THREADS.shutdownNow();
        if (!TABLE.isEmpty()) {
            List<String> lines = new ArrayList<>(List.of(
                    "| what happens | what is seen | back | silence | new connections |", "|---|---|---|---|---|"));
            TABLE.forEach((name, saw) -> lines.add(row(name, saw)));
            String page = page();
            Files.writeString(
                    AgentProcess.source("dist/target/reliability.md"),
                    page.replace(table(page), String.join("\n", lines)));
        }
    }

    private static String page() throws IOException {
        return Files.readString(AgentProcess.source("docs/reliability.md"));
    }

    private static String table(String page) {
        return page.substring(page.indexOf(TABLE_BEGINS) + TABLE_BEGINS.length(), page.indexOf(TABLE_ENDS));
    }

    @Test
    void thePageHasEveryCaseAndNoOther() throws IOException {
        assertThat(table(page()).lines().skip(2).map(line -> line.substring("| ".length(), line.indexOf(" | "))))
                .containsExactlyElementsOf(cases().stream().map(Case::name).toList());
    }
}
