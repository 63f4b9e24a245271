package dev.culvert.bench;

import dev.culvert.bench.Bed.LinkSpec;
import dev.culvert.bench.peer.Chisel;
import dev.culvert.bench.peer.Culvert;
import dev.culvert.bench.peer.Forwarder;
import dev.culvert.bench.peer.Frp;
import dev.culvert.bench.peer.HaProxy;
import dev.culvert.bench.peer.Rathole;
import dev.culvert.bench.peer.Ssh;
import dev.culvert.bench.work.Bulk;
import dev.culvert.bench.work.Echo;
import dev.culvert.bench.work.Memory;
import dev.culvert.bench.work.Memory.Held;
import dev.culvert.bench.work.Stalled;
import dev.culvert.bench.work.Start;
import dev.culvert.bench.work.Web;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Predicate;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command line. */
@Command(
        name = "bench/run",
        mixinStandardHelpOptions = true,
        description = "Measures Culvert beside other tunnels, and writes a report.",
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:measured", "1:a ratio has fallen (--short), or nothing could be measured", "2:usage"})
final class Main implements Callable<Integer> {
    private static final String LOOPBACK = "loopback";
    /**
     * Up to what a process may have open by the usual limit of 20,000 descriptors: memory should grow in a straight
     * line.
     */
    private static final List<Integer> IDLE = List.of(0, 1_000, 5_000, 10_000, 19_000);

    private static final List<Integer> UNREAD = List.of(0, 50, 100, 200);
    private static final List<Integer> SESSIONS = List.of(1, 16, 32, 64);

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Option(names = "--root", required = true, hidden = true)
    private Path root = Path.of(".");

    @Option(names = "--home", required = true, hidden = true)
    private Path home = Path.of(".");

    @Option(
            names = "--short",
            description = "Some two minutes: Culvert, stock smux and no tunnel; fails if a ratio has fallen"
                    + " behind bench/baseline.json.")
    private boolean brief;

    @Option(names = "--save-baseline", description = "Keep the ratios of this run as bench/baseline.json.")
    private boolean saveBaseline;

    @Option(names = "--rounds", paramLabel = "N", description = "Rounds (default: 5, --short: 2).")
    private Optional<Integer> rounds = Optional.empty();

    @Option(names = "--seconds", paramLabel = "N", description = "Seconds of a measurement (default: 4, --short: 1).")
    private Optional<Integer> seconds = Optional.empty();

    @Option(
            names = "--peers",
            split = ",",
            paramLabel = "NAME",
            description = "Only these (default: all that are here).")
    private List<String> onlyPeers = List.of();

    @Option(names = "--works", split = ",", paramLabel = "NAME", description = "Only these (default: all).")
    private List<String> onlyWorks = List.of();

    @Option(
            names = "--beds",
            split = ",",
            paramLabel = "NAME",
            description =
                    "Only on these: loopback, slow, slow-cubic, home, long, or of the long links only long-10, -50, -100, -200"
                            + " (default: all; the links take root).")
    private List<String> onlyBeds = List.of();

    @Option(names = "--out", paramLabel = "DIR", description = "Where the report goes (default: bench/target/report).")
    private Optional<Path> out = Optional.empty();

    @Option(
            names = "--beside",
            paramLabel = "NAME=DIR",
            description = "Another package of Culvert, unpacked there, as NAME and NAME-tls: what did a change bring?")
    private Map<String, Path> beside = Map.of();

    public static void main(String[] arguments) {
        System.exit(new CommandLine(new Main())
                .setExecutionExceptionHandler((failure, line, parsed) -> {
                    if (failure instanceof BenchFailure) {
                        line.getErr().println(failure.getMessage());
                        return 1;
                    }
                    throw failure;
                })
                .execute(arguments));
    }

    @Override
    public Integer call() {
        known(
                "--beds",
                onlyBeds,
                Stream.of(
                                Stream.of(LOOPBACK, "long"),
                                slowLinks().keySet().stream(),
                                Beds.FAST.stream().map(Main::name))
                        .flatMap(names -> names));
        int time = seconds.orElse(brief ? 1 : 4);
        known(
                "--works",
                onlyWorks,
                Stream.of(local(time), slow(time), far(time))
                        .flatMap(List::stream)
                        .map(Work::name));
        Path target = root.resolve("bench/target");
        Results results = new Results();
        List<Peer> peers = peers(target.resolve("peers"), results);
        Run run = new Run(peers, rounds.orElse(brief ? 2 : 5), target.resolve("run"), results);
        if (wants(onlyBeds, LOOPBACK)) {
            try (Bed bed = new Bed.Loopback()) {
                run.on(bed, chosen(local(time)));
            }
        }
        (brief ? Map.<String, LinkSpec>of() : slowLinks()).forEach((name, link) -> {
            if (wants(onlyBeds, name)) {
                link(run, target, link, slow(time));
            }
        });
        for (LinkSpec link : brief ? List.<LinkSpec>of() : Beds.FAST) {
            if (wants(onlyBeds, "long") || wants(onlyBeds, name(link))) {
                link(run, target, link, far(time));
            }
        }
        Path report = out.orElse(target.resolve("report"));
        new Report(results, peers).write(report, about());
        System.out.println("wrote " + report.resolve("report.md"));
        Promise.verdicts(results, peers).forEach(verdict -> System.out.println(verdict.markdown()));
        return compare(results);
    }

    /** A name that nothing has would measure nothing, without a word. */
    private void known(String option, List<String> given, Stream<String> names) {
        List<String> all = names.distinct().toList();
        given.stream().filter(name -> !all.contains(name)).findFirst().ifPresent(name -> {
            throw new ParameterException(
                    spec.commandLine(), option + ": '" + name + "' is none of " + String.join(", ", all));
        });
    }

    private int compare(Results results) {
        Baseline baseline = new Baseline(root.resolve("bench/baseline.json"));
        if (saveBaseline) {
            baseline.save(results);
        } else if (brief) {
            List<String> fallen = baseline.fallen(results);
            fallen.forEach(System.out::println);
            return fallen.isEmpty() ? 0 : 1;
        }
        return 0;
    }

    private void link(Run run, Path target, LinkSpec spec, List<Work> works) {
        List<Work> chosen = chosen(works);
        if (!chosen.isEmpty()) {
            try (Bed bed = Bed.Link.up(root.resolve("bench/link/link"), target.resolve("run"), spec)) {
                run.on(bed, chosen);
            }
        }
    }

    private List<Work> local(int time) {
        List<Work> always = List.of(new Bulk(1, time), new Bulk(16, time), new Web(true, time), new Web(false, time));
        if (brief) {
            return always;
        }
        List<Work> works = new ArrayList<>(always);
        works.add(1, new Bulk(4, time));
        works.addAll(List.of(new Echo(0, time), new Stalled(64, time), new Start()));
        IDLE.forEach(count -> works.add(new Memory(Held.IDLE, count)));
        UNREAD.forEach(count -> works.add(new Memory(Held.UNREAD, count)));
        SESSIONS.forEach(count -> works.add(new Memory(Held.SESSIONS, count)));
        return works;
    }

    /** By the names of {@code --beds}. */
    private static Map<String, LinkSpec> slowLinks() {
        Map<String, LinkSpec> links = new LinkedHashMap<>();
        links.put("slow", Beds.SLOW);
        links.put("slow-cubic", Beds.SLOW_CUBIC);
        links.put("home", Beds.HOME);
        return links;
    }

    private static List<Work> slow(int time) {
        return List.of(new Echo(0, 2 * time), new Echo(4, 2 * time));
    }

    private static List<Work> far(int time) {
        return List.of(new Bulk(1, 2 * time));
    }

    private static String name(LinkSpec link) {
        return "long-" + link.roundTrip();
    }

    private List<Work> chosen(List<Work> works) {
        return works.stream().filter(work -> wants(onlyWorks, work.name())).toList();
    }

    private static boolean wants(List<String> only, String name) {
        return only.isEmpty() || only.contains(name);
    }

    private List<Peer> peers(Path installed, Results results) {
        Path rathole = installed.resolve("bin/rathole");
        Path frps = installed.resolve("bin/frps");
        Path frpc = installed.resolve("bin/frpc");
        Culvert clear = new Culvert(Promise.CLEAR, home, false);
        Culvert tls = new Culvert(Promise.TLS, home, true);
        List<Peer> all = new ArrayList<>(List.of(
                new Peer.Direct(),
                Forwarder.floor(installed.resolve("bin")),
                clear,
                tls,
                clear.withoutResume(),
                tls.withoutResume(),
                Forwarder.goSmux(installed.resolve("bin")),
                new HaProxy(),
                new Ssh(),
                new Rathole(rathole, false),
                new Rathole(rathole, true),
                new Chisel(installed.resolve("bin/chisel")),
                new Frp(frps, frpc, false),
                new Frp(frps, frpc, true)));
        beside.forEach((name, directory) -> {
            all.add(new Culvert(name, directory.toAbsolutePath(), false));
            all.add(new Culvert(name + "-tls", directory.toAbsolutePath(), true));
        });
        known("--peers", onlyPeers, all.stream().map(Peer::name));
        Predicate<Peer> wanted = peer -> wants(onlyPeers, peer.name())
                && (!brief
                        || List.of("direct", Promise.CLEAR, Promise.TLS, "go-smux")
                                .contains(peer.name()));
        List<Peer> here = new ArrayList<>();
        all.stream()
                .filter(wanted)
                .forEach(peer -> peer.missing()
                        .ifPresentOrElse(
                                why -> {
                                    results.missing(peer.name(), why);
                                    System.out.println("MISSING: " + peer.name() + ": " + why);
                                },
                                () -> here.add(peer)));
        return here;
    }

    private static Map<String, String> about() {
        Map<String, String> about = new LinkedHashMap<>();
        about.put("date", LocalDate.now(ZoneOffset.UTC).toString());
        about.put("cores", Integer.toString(Runtime.getRuntime().availableProcessors()));
        about.put("kernel", System.getProperty("os.version"));
        about.put(
                "congestion control",
                Files.read(Path.of("/proc/sys/net/ipv4/tcp_congestion_control")).strip());
        about.put("Java", System.getProperty("java.vm.name") + " " + Runtime.version());
        return about;
    }
}
