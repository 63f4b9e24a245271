package dev.culvert.dist;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** The launchers of the built package, for tests that start very many: these start in less than half of the time. */
final class Launcher {
    static final String ONE_COMPILER = "-XX:TieredStopAtLevel=1";
    private static final String QUIETLY = "-Xlog:cds=off,cds+dynamic=off";

    private static final String CLIENT = """
            upstream { servers = ["127.0.0.1:9"], tls = off }
            forwards { x { listen = "127.0.0.1:0", target = "127.0.0.1:9" } }
            """;
    private static final String SERVER = """
            listen = "127.0.0.1:0", tls = off, insecure = true
            anonymous { allow = ["127.0.0.1:9"] }
            """;

    private static final Map<String, Path> ARCHIVES = new ConcurrentHashMap<>();

    private Launcher() {}

    /** Runs {@code program} with these words. */
    static ProcessBuilder command(String program, String... words) {
        List<String> command = new ArrayList<>();
        command.add(AgentProcess.packaged("bin/" + program).toString());
        command.addAll(List.of(words));
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().put("CULVERT_OPTS", String.join(" ", flags(AgentProcess.packaged(""), program)));
        return builder;
    }

    /** For CULVERT_OPTS: one compiler and, unless it is from another package, classes that have been read and checked before. */
    static List<String> flags(Path home, String program) {
        if (!home.equals(AgentProcess.packaged(""))) {
            return List.of(ONE_COMPILER);
        }
        Path archive = ARCHIVES.computeIfAbsent(program, Launcher::archive);
        return List.of(ONE_COMPILER, "-XX:SharedArchiveFile=" + archive, QUIETLY);
    }

    /** Has an agent come up and end, and its JVM write down which classes it has. */
    private static Path archive(String program) {
        try {
            Path directory = Files.createTempDirectory("culvert-classes");
            Runtime.getRuntime().addShutdownHook(new Thread(() -> Programs.deleteTree(directory)));
            Path archive = directory.resolve(program + ".jsa");
            try (AgentProcess agent = new AgentProcess.Builder(program)
                    .asShipped()
                    .config(program.equals("tunnel-client") ? CLIENT : SERVER)
                    .jvm(ONE_COMPILER, "-XX:ArchiveClassesAtExit=" + archive, QUIETLY)
                    .start()) {
                agent.awaitLog("listening on");
            }
            return archive;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
