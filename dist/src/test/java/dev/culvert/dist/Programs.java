package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Runs programs to their end. */
final class Programs {
    /**
     * A prefix for commands that hear signals, even where a background job or nohup runs the tests: those ignore them.
     */
    static final List<String> HEARING_SIGNALS = List.of("env", "--default-signal=INT,HUP");

    private Programs() {}

    /** How a program ended. */
    record Result(List<String> command, int code, String output) {
        /** Fails if the exit code is another one. */
        Result expect(int expected) {
            assertThat(code).as("exit code of %s:%n%s", command, output).isEqualTo(expected);
            return this;
        }
    }

    /**
     * Skips the test where a program is not installed, as {@link #require(boolean, String, String, String)} does.
     *
     * @param program its absolute path
     */
    static void require(String program, String what) {
        Path file = Path.of(program);
        require(Files.isExecutable(file), String.valueOf(file.getFileName()), "there is no " + program, what);
    }

    /**
     * Skips the test where something that it needs is not there, and prints what has not been verified then; where that
     * {@link #isRequired is required}, the test fails.
     *
     * @param name what {@code CULVERT_REQUIRE} calls it
     * @param missing what is not there, or what it takes
     */
    static void require(boolean there, String name, String missing, String what) {
        if (!there) {
            System.out.println("SKIPPED: " + what + ": " + missing);
            assertThat(isRequired(name))
                    .as("whether CULVERT_REQUIRE names %s", name)
                    .isFalse();
        }
        assumeTrue(there, missing);
    }

    static Result run(String... command) {
        return run(new ProcessBuilder(command));
    }

    /** Its output holds what it writes to stdout and stderr. */
    static Result run(ProcessBuilder builder) {
        try {
            Process process = builder.redirectErrorStream(true).start();
            process.getOutputStream().close();
            Log log = new Log(builder.command().get(0), process.getInputStream());
            if (!process.waitFor(AgentProcess.PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new AssertionError(builder.command() + " does not end:\n" + log);
            }
            log.awaitEnd();
            return new Result(builder.command(), process.exitValue(), log.toString());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while running " + builder.command(), e);
        }
    }

    /**
     * Whether {@code CULVERT_REQUIRE}, a list with commas, names what a test needs: then it fails where that is
     * missing.
     */
    static boolean isRequired(String name) {
        return List.of(System.getenv().getOrDefault("CULVERT_REQUIRE", "").split(",", -1))
                .contains(name);
    }

    static void deleteTree(Path directory) {
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
