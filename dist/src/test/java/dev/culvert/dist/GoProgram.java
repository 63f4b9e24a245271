package dev.culvert.dist;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.MatchResult;
import org.junit.jupiter.api.Assumptions;

/**
 * A program of {@code dist/src/test/go}, on stock smux: the far end of a tunnel. It ends when its standard input does.
 */
final class GoProgram implements AutoCloseable {
    private static final Duration WORK = Duration.ofMinutes(3);

    private final Process process;
    private final Log log;
    private int asked;

    private GoProgram(List<String> command) {
        try {
            process = new ProcessBuilder(command).redirectErrorStream(true).start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        log = new Log(String.join(" ", command.subList(1, command.size())), process.getInputStream());
    }

    /** Starts a program that listens. */
    static GoProgram serve(String program, String... arguments) {
        return new GoProgram(command(program, arguments));
    }

    /** Runs a program to its end, and fails unless its last line begins with OK. Returns that line. */
    static String run(String program, String... arguments) {
        return run(0, "OK ", program, arguments);
    }

    /** The same with a program that is to fail, and to say so in its last line. */
    static String fail(String program, String... arguments) {
        return run(1, "FAIL ", program, arguments);
    }

    private static String run(int code, String word, String program, String... arguments) {
        try (GoProgram running = new GoProgram(command(program, arguments))) {
            if (!running.process.waitFor(WORK.toSeconds(), TimeUnit.SECONDS)) {
                throw new AssertionError(running.log + "\ndoes not end");
            }
            running.log.awaitEnd();
            String last = running.log.toString().strip();
            last = last.substring(last.lastIndexOf('\n') + 1);
            if (running.process.exitValue() != code || !last.startsWith(word)) {
                throw new AssertionError(running.log.toString());
            }
            return last;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }

    private static List<String> command(String program, String... arguments) {
        List<String> command = new ArrayList<>();
        command.add(Built.DIRECTORY.resolve(program).toString());
        command.addAll(Arrays.asList(arguments));
        return command;
    }

    int port() {
        return Integer.parseInt(awaitLog("LISTEN (\\d+)").group(1));
    }

    /** How many streams are open in its smux sessions. */
    int streams() {
        try {
            process.getOutputStream().write("streams\n".getBytes(StandardCharsets.US_ASCII));
            process.getOutputStream().flush();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return Integer.parseInt(
                log.await("STREAMS (\\d+)", ++asked, AgentProcess.PATIENCE).group(1));
    }

    /** Waits for a line in which {@code regex} is found. */
    MatchResult awaitLog(String regex) {
        return log.await(regex, 1, AgentProcess.PATIENCE);
    }

    void end() {
        process.destroy();
    }

    @Override
    public void close() {
        end();
    }

    /**
     * Skips the tests of a class, with a line that says so, unless {@code CULVERT_REQUIRE} in the environment names
     * {@code go}: they need Go, and minutes. Then they fail where there is none.
     */
    static void require() {
        if (!Programs.isRequired("go")) {
            System.out.println("SKIPPED: Go interop tests: they need Go, set CULVERT_REQUIRE=go to run them");
            Assumptions.abort("CULVERT_REQUIRE does not name go");
        }
    }

    /** All programs, built once. */
    private static final class Built {
        static final Path DIRECTORY = build();

        private static Path build() {
            Path directory = AgentProcess.source("dist/target/go");
            try {
                Files.createDirectories(directory);
                ProcessBuilder build = new ProcessBuilder(
                                AgentProcess.source("dist/src/test/go/build.sh").toString(), directory.toString())
                        .inheritIO();
                Process process = build.start();
                if (!process.waitFor(5, TimeUnit.MINUTES) || process.exitValue() != 0) {
                    throw new AssertionError("build.sh failed; its output is above");
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new AssertionError("interrupted", e);
            }
            return directory;
        }
    }
}
