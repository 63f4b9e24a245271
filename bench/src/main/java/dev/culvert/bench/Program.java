package dev.culvert.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/** A process that is measured, or that helps to measure, with its children; its output goes to a file. */
public final class Program implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    /** States of a socket in /proc/net/tcp. */
    private static final String LISTEN = "0A";

    private static final String TIME_WAIT = "06";

    /** Whoever ends the bench ends what it has started, too. */
    private static final Set<Program> RUNNING = ConcurrentHashMap.newKeySet();

    static {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> RUNNING.forEach(Program::kill), "end of the bench"));
    }

    private final String name;
    private final Process process;
    private final Path log;
    private final long started = System.nanoTime();
    private double secondsToListen;

    private Program(String name, Process process, Path log) {
        this.name = name;
        this.process = process;
        this.log = log;
    }

    /** Starts a program whose standard input stays open until {@link #close}. */
    public static Program start(String name, Path directory, List<String> command, Map<String, String> environment) {
        try {
            Files.createDirectories(directory);
            Path log = directory.resolve(name + ".log");
            ProcessBuilder builder = new ProcessBuilder(command)
                    .directory(directory.toFile())
                    .redirectErrorStream(true)
                    .redirectOutput(log.toFile());
            builder.environment().putAll(environment);
            Program program = new Program(name, builder.start(), log);
            RUNNING.add(program);
            return program;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Runs a program to its end and returns what it printed; throws if it fails or takes longer than {@code limit}. */
    public static String run(String name, Path directory, Duration limit, List<String> command) {
        try (Program program = start(name, directory, command, Map.of())) {
            return program.await(limit);
        }
    }

    /** Waits for the end and returns what it printed; throws if it fails or takes longer than {@code limit}. */
    public String await(Duration limit) {
        try {
            if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new BenchFailure(name + " took longer than " + limit.toSeconds() + " s\n" + tail());
            }
            if (process.exitValue() != 0) {
                throw new BenchFailure(name + " failed\n" + tail());
            }
            return output();
        } catch (InterruptedException e) {
            throw BenchFailure.interrupted(e);
        }
    }

    /** Waits until {@code text} is in the output. */
    public void awaitOutput(String text) {
        await(() -> output().contains(text), "did not say '" + text + "'");
    }

    /** Waits until the program, or another one in its network namespace, listens on a TCP port. */
    public void awaitListening(int port) {
        await(() -> socketsOn(port).anyMatch(LISTEN::equals), "did not listen on port " + port);
        if (secondsToListen == 0) {
            secondsToListen = (System.nanoTime() - started) / 1e9;
        }
    }

    /** From its start to its first {@link #awaitListening}, seconds; 0 if there was none. */
    public double secondsToListen() {
        return secondsToListen;
    }

    private void await(BooleanSupplier condition, String otherwise) {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            if (!process.isAlive() || System.nanoTime() > deadline) {
                throw new BenchFailure(name + " " + otherwise + "\n" + tail());
            }
            pause(Duration.ofMillis(10));
        }
    }

    /** Waits until no connection is open on a TCP port of the program, or of another one in its network namespace. */
    public void awaitQuiet(int port) {
        await(
                () -> socketsOn(port).allMatch(state -> state.equals(LISTEN) || state.equals(TIME_WAIT)),
                "still has a connection on port " + port);
    }

    /** The states of the sockets that have this local port. */
    private Stream<String> socketsOn(int port) {
        String entry = String.format(":%04X ", port);
        return Stream.of("net/tcp", "net/tcp6")
                .flatMap(table -> read(table).lines())
                .map(String::strip)
                .map(line -> List.of(line.split("\\s+", 5)))
                .filter(fields -> fields.size() == 5 && (fields.get(1) + " ").endsWith(entry))
                .map(fields -> fields.get(3));
    }

    /** Processor time used so far by it and its children, seconds. */
    public double processorSeconds() {
        return tree().mapToDouble(pid -> {
                    String stat = read(pid, "stat");
                    List<String> fields = List.of(
                            stat.substring(stat.lastIndexOf(')') + 1).strip().split(" ", -1));
                    // Fields 14 and 15 of proc(5), in ticks, of which every Linux has 100 a second.
                    return fields.size() < 13
                            ? 0
                            : (Long.parseLong(fields.get(11)) + Long.parseLong(fields.get(12))) / 100.0;
                })
                .sum();
    }

    /** Resident memory of it and its children, bytes. */
    public long residentBytes() {
        return tree().mapToLong(pid -> read(pid, "status")
                        .lines()
                        .filter(line -> line.startsWith("VmRSS:"))
                        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) << 10)
                        .sum())
                .sum();
    }

    private Stream<Long> tree() {
        return Stream.concat(Stream.of(process.pid()), process.descendants().map(ProcessHandle::pid));
    }

    private String read(String file) {
        return read(process.pid(), file);
    }

    /** Empty when the process has just gone. */
    private static String read(long pid, String file) {
        try {
            return Files.readString(Path.of("/proc", Long.toString(pid), file), StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            return "";
        }
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    /** What it has printed so far. */
    public String output() {
        try {
            return Files.readString(log, StandardCharsets.ISO_8859_1);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private String tail() {
        List<String> lines = output().lines().toList();
        return log + ":\n" + String.join("\n", lines.subList(Math.max(0, lines.size() - 15), lines.size()));
    }

    /** Waits. */
    public static void pause(Duration time) {
        try {
            TimeUnit.NANOSECONDS.sleep(time.toNanos());
        } catch (InterruptedException e) {
            throw BenchFailure.interrupted(e);
        }
    }

    /** Ends it and its children, by force if it does not go at once. */
    @Override
    public void close() {
        RUNNING.remove(this);
        List<ProcessHandle> all = all();
        all.forEach(ProcessHandle::destroy);
        try {
            if (!process.waitFor(1, TimeUnit.SECONDS)) {
                all.forEach(ProcessHandle::destroyForcibly);
                process.waitFor();
            }
        } catch (InterruptedException e) {
            throw BenchFailure.interrupted(e);
        }
    }

    private void kill() {
        all().forEach(ProcessHandle::destroyForcibly);
    }

    private List<ProcessHandle> all() {
        return Stream.concat(process.descendants(), Stream.of(process.toHandle()))
                .toList();
    }
}
