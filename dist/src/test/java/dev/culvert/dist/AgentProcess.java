package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.tools.attach.AttachNotSupportedException;
import com.sun.tools.attach.VirtualMachine;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.reflect.Method;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * An agent as it ships: the packaged launcher, in a process of its own, with a configuration file of its own. It runs
 * with Netty's leak detection at its highest level unless a test wants it {@link Builder#asShipped}; {@link #close}
 * ends it and fails if its log has a leak, an error or a stack trace.
 */
final class AgentProcess implements AutoCloseable {
    /** For whatever takes no time on an idle machine. */
    static final Duration PATIENCE = Duration.ofSeconds(30);

    private static final Pattern TROUBLE =
            Pattern.compile("LEAK|\\bERROR\\b|^\\s+at [\\w.$]+\\(|Exception in thread|Caused by:");
    private static final String ENDING =
            "(\\S+) forward=(%s) client=(%s) target=(\\S+) in=(\\d+) out=(\\d+) ms=(\\d+) end: (.*)";

    private final String program;
    private final Process process;
    private final Log log;
    private final Path directory;
    private final Path configFile;
    private final Pattern excused;
    private boolean looksForLeaks;

    /** The line that a log gets at the end of a connection; {@code in} and {@code out} as its socket sees them. */
    record Ending(String id, String forward, String client, String target, long in, long out, long ms, String reason) {
        static Ending of(MatchResult match) {
            return new Ending(
                    match.group(1),
                    match.group(2),
                    match.group(3),
                    match.group(4),
                    Long.parseLong(match.group(5)),
                    Long.parseLong(match.group(6)),
                    Long.parseLong(match.group(7)),
                    match.group(8));
        }
    }

    /** What to start. */
    static final class Builder {
        private final String program;
        private Path home = packaged("");
        private final List<String> arguments = new ArrayList<>();
        private final List<String> jvm = new ArrayList<>();
        private final Map<String, String> environment = new LinkedHashMap<>();
        private String config = "";
        private @Nullable Path file;
        private final List<String> prefix = new ArrayList<>();
        private int descriptors;
        private boolean leakDetection = true;
        private boolean shipped;
        private boolean keepEndings = true;
        private boolean verbose;
        private String excused = "(?!)";

        Builder(String program) {
            this.program = program;
        }

        Builder config(String text) {
            config = text;
            return this;
        }

        /** From another package than the one without a Java of its own. */
        Builder home(Path directory) {
            home = directory;
            return this;
        }

        /** Instead of {@code -c FILE} with the configuration. */
        Builder arguments(String... words) {
            arguments.addAll(Arrays.asList(words));
            return this;
        }

        Builder jvm(String... flags) {
            jvm.addAll(Arrays.asList(flags));
            return this;
        }

        Builder environment(String name, String value) {
            environment.put(name, value);
            return this;
        }

        /** A program that the agent is to be started by. */
        Builder startedBy(String... words) {
            prefix.addAll(Arrays.asList(words));
            return this;
        }

        /** The process may have so many file descriptors. */
        Builder descriptors(int most) {
            descriptors = most;
            return this;
        }

        /** Without leak detection and with both compilers: for tests that measure. */
        Builder asShipped() {
            shipped = true;
            return withoutLeakDetection();
        }

        /** For tests with very many buffers. */
        Builder withoutLeakDetection() {
            leakDetection = false;
            return this;
        }

        Builder verbose() {
            verbose = true;
            return this;
        }

        /** Does not remember the lines on connections that ended well: for tests with very many. */
        Builder forgetEndings() {
            keepEndings = false;
            return this;
        }

        /** Lines in which this is found are no trouble. */
        Builder excuse(String regex) {
            excused = regex;
            return this;
        }

        AgentProcess start() {
            try {
                return new AgentProcess(this);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    static Builder client() {
        return new Builder("tunnel-client");
    }

    static Builder server() {
        return new Builder("tunnel-server");
    }

    /** A file of the built package. */
    static Path packaged(String file) {
        return Path.of(Objects.requireNonNull(System.getProperty("culvert.home")), file);
    }

    /** A file of the repository. */
    static Path source(String file) {
        return Path.of(Objects.requireNonNull(System.getProperty("culvert.root")), file)
                .normalize();
    }

    private AgentProcess(Builder what) throws IOException {
        program = what.program;
        excused = Pattern.compile(what.excused);
        looksForLeaks = what.leakDetection;
        directory = Files.createTempDirectory("culvert");
        if (what.file == null) {
            configFile = directory.resolve(what.program.replace("tunnel-", "") + ".conf");
            Files.writeString(configFile, what.config);
        } else {
            configFile = what.file;
        }
        List<String> command = new ArrayList<>(Programs.HEARING_SIGNALS);
        if (what.descriptors > 0) {
            command.addAll(List.of("sh", "-c", "ulimit -n " + what.descriptors + "; exec \"$0\" \"$@\""));
        }
        command.addAll(what.prefix);
        command.add(what.home.resolve("bin/" + what.program).toString());
        command.addAll(what.arguments.isEmpty() ? List.of("-c", configFile.toString()) : what.arguments);
        if (what.verbose) {
            command.add("-v");
        }
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()));
        List<String> flags = new ArrayList<>(what.jvm);
        if (what.leakDetection) {
            flags.add("-Dio.netty.leakDetection.level=paranoid");
            flags.add("-Dio.netty.leakDetection.targetRecords=10");
            // Each buffer is watched, but not each look into it, which would take more than all the rest.
            flags.add("-Dio.netty.leakDetection.acquireAndReleaseOnly=true");
        }
        if (!what.shipped) {
            flags.add(Launcher.ONE_COMPILER);
        }
        builder.environment().remove("NOTIFY_SOCKET");
        builder.environment()
                .keySet()
                .removeIf(name -> name.toLowerCase(Locale.ROOT).endsWith("_proxy"));
        builder.environment().put("CULVERT_OPTS", String.join(" ", flags));
        builder.environment().putAll(what.environment);
        process = builder.start();
        log = new Log(
                what.program, process.getInputStream(), line -> what.keepEndings || !line.endsWith(" end: closed"));
    }

    // ---- what it says

    Log log() {
        return log;
    }

    /** Waits for a line in which {@code regex} is found. */
    MatchResult awaitLog(String regex) {
        return log.await(regex, 1, PATIENCE);
    }

    /** Waits for the {@code count}th such line. */
    MatchResult awaitLog(String regex, int count) {
        return log.await(regex, count, PATIENCE);
    }

    /** The port of {@code listen}, {@code forwards.NAME} or {@code smux.NAME}, once it is bound. */
    int port(String name) {
        return Integer.parseInt(awaitLog(Pattern.quote(name) + ": listening on (?:udp:)?[0-9.]+:(\\d+)")
                .group(1));
    }

    /** The line on the end of the connection that {@code socket} has made to a forward. */
    Ending awaitEnding(String forward, Socket socket) {
        return awaitEnding(forward, socket.getLocalPort());
    }

    /** The same by its local port, which connections to other forwards may have had, too. */
    Ending awaitEnding(String forward, int clientPort) {
        return Ending.of(
                awaitLog(ENDING.formatted(Pattern.quote(forward), "(?:tests@)?127\\.0\\.0\\.1:" + clientPort)));
    }

    /**
     * Waits until a server says why it has not let in whoever came by this socket.
     *
     * @param reason a regex: who had the port before may have been refused, too
     */
    void awaitRefusal(Socket socket, String reason) {
        awaitLog("WARN .*listen: refused 127\\.0\\.0\\.1:" + socket.getLocalPort() + ": " + reason);
    }

    // ---- what is done to it

    /** SIGTERM. Not {@link Process#destroy}, which closes the log as well. */
    void terminate() {
        process.toHandle().destroy();
    }

    /** SIGKILL. */
    void kill() {
        process.toHandle().destroyForcibly();
        awaitExit();
    }

    /** Sends a signal by name, such as INT, STOP, CONT or USR1. */
    void signal(String name) {
        Programs.run("kill", "-" + name, String.valueOf(process.pid())).expect(0);
    }

    /** Drains, and in good order: a stream that is stuck would outlast the deadline. */
    void drains() {
        terminate();
        assertThat(awaitExit()).as("exit code of\n%s", log).isZero();
    }

    /** The exit code, once there is one. */
    int awaitExit() {
        try {
            if (!process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
                throw new AssertionError("it still runs after " + PATIENCE + ":\n" + log);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while waiting for an exit", e);
        }
        log.awaitEnd();
        return process.exitValue();
    }

    boolean isAlive() {
        return process.isAlive();
    }

    long pid() {
        return process.pid();
    }

    // ---- what it takes

    /** Open file descriptors. */
    int descriptors() {
        return entries("fd");
    }

    int threads() {
        return entries("task");
    }

    private int entries(String name) {
        try (Stream<Path> files = Files.list(proc(name))) {
            return (int) files.count();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Path proc(String name) {
        return Path.of("/proc", String.valueOf(process.pid()), name);
    }

    private String read(String name) {
        try {
            return Files.readString(proc(name), StandardCharsets.US_ASCII);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Whether it has mapped a file with this in its name, such as a native library. */
    boolean hasMapped(String name) {
        return read("maps").contains(name);
    }

    /** The state of the process as proc(5) writes it: R, S, T for stopped, and so on. */
    char state() {
        String stat = read("stat");
        return stat.charAt(stat.lastIndexOf(')') + 2);
    }

    /** Processor time used so far. */
    Duration processorTime() {
        String stat = read("stat");
        List<String> fields = List.of(stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1));
        long ticks = Long.parseLong(fields.get(11)) + Long.parseLong(fields.get(12));
        return Duration.ofMillis(ticks * 10); // sysconf(_SC_CLK_TCK) is 100 on every Linux
    }

    /** Resident memory, bytes. */
    long residentBytes() {
        return read("status")
                .lines()
                .filter(line -> line.startsWith("VmRSS:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024)
                .findFirst()
                .orElseThrow();
    }

    /** Starts another process with its configuration, which takes over from it by hand. */
    AgentProcess successor() {
        return another("take-over");
    }

    /** Starts another process with its configuration, as if there were none. */
    AgentProcess again() {
        return another("run");
    }

    private AgentProcess another(String command) {
        Builder builder = new Builder(program).arguments("-c", configFile.toString(), command);
        builder.file = configFile;
        return builder.start();
    }

    Path configFile() {
        return configFile;
    }

    /** Changes its configuration, and does not tell it. */
    void rewriteConfig(String config) throws IOException {
        Files.writeString(configFile, config);
    }

    /** Changes a configuration that was given as text, and has it read again. */
    void reload(String config) throws IOException {
        rewriteConfig(config);
        signal("HUP");
    }

    /** What its pools of network buffers take, in use or not, bytes. */
    long bufferBytes() {
        int before = log.matching("state: ").size();
        signal("USR1");
        return Long.parseLong(
                        awaitLog("state: .*buffers (\\d+) KiB", before + 1).group(1))
                << 10;
    }

    /** Collects garbage and tells what is left on the heap, bytes. */
    long heapAfterGc() {
        String histogram = jcmd("GC.class_histogram");
        String total = histogram
                .lines()
                .filter(line -> line.startsWith("Total"))
                .findFirst()
                .orElseThrow();
        return Long.parseLong(List.of(total.trim().split("\\s+", -1)).get(2));
    }

    /**
     * Has a leaked buffer be found, and reported with the next allocation, which is the farewell of the drain. Once.
     */
    void findLeaks() {
        if (looksForLeaks && isJava() && process.isAlive() && log.first("draining") == null) {
            looksForLeaks = false;
            try {
                jcmd("GC.run");
            } catch (AssertionError e) {
                if (!endsBySelf()) {
                    throw e;
                }
            }
        }
    }

    /**
     * Whether it is the JVM itself and says so: to another program, and to a JVM that only begins, the signal of jcmd
     * is the end.
     */
    private boolean isJava() {
        return process.info().command().orElse("").endsWith("/java")
                && !log.toString().isEmpty();
    }

    private boolean endsBySelf() {
        try {
            return process.waitFor(1, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    /** Has its JVM do what jcmd would, which is a JVM of its own and takes longer than most tests. */
    private String jcmd(String command) {
        try {
            VirtualMachine jvm = VirtualMachine.attach(String.valueOf(process.pid()));
            try {
                Method execute = jvm.getClass().getMethod("executeJCmd", String.class);
                // Not readAllBytes: a read of this stream takes its length for an end, so what follows an offset is cut
                // short.
                ByteArrayOutputStream said = new ByteArrayOutputStream();
                try (InputStream answer = (InputStream) execute.invoke(jvm, command)) {
                    answer.transferTo(said);
                }
                return said.toString(StandardCharsets.UTF_8);
            } finally {
                jvm.detach();
            }
        } catch (IOException | AttachNotSupportedException | ReflectiveOperationException e) {
            throw new AssertionError(command + ":\n" + log, e);
        }
    }

    /** Drains it, and cuts the drain short if that takes longer than a moment. */
    private void end() {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        try {
            do {
                terminate();
            } while (!process.waitFor(300, TimeUnit.MILLISECONDS) && System.nanoTime() < deadline);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (process.isAlive()) {
            process.destroyForcibly();
            throw new AssertionError("SIGTERM does not end it:\n" + log);
        }
    }

    /** Ends those that a failure leaves behind, and adds to it what is wrong with them, too. */
    static void closeAll(List<AgentProcess> agents, Throwable failure) {
        for (AgentProcess agent : agents) {
            try {
                agent.close();
            } catch (RuntimeException | AssertionError e) {
                failure.addSuppressed(e);
            }
        }
    }

    /** Ends it, if it has not ended yet, and fails if the log has trouble in it. */
    @Override
    public void close() {
        if (process.isAlive()) {
            // Not signal: a drain may end at this moment, and end() sees one that still stands.
            Programs.run("kill", "-CONT", String.valueOf(process.pid()));
            findLeaks();
            end();
        }
        log.awaitEnd();
        Programs.deleteTree(directory);
        assertThat(log.matching(TROUBLE.pattern()))
                .filteredOn(line -> !excused.matcher(line).find())
                .as("trouble in the log:%n%s", log)
                .isEmpty();
    }
}
