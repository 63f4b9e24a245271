package dev.culvert.common.lifecycle;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.ProcessBuilder.Redirect;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The program that has started this process. What stands in its place now may be a newer version.
 *
 * @param command the program, and what comes before a command of ours
 */
record Launcher(List<String> command) {
    /** The launchers set it. */
    private static final String PROPERTY = "culvert.launcher";

    /**
     * Has a process that is nobody's child, nor of anybody's terminal, print its id, wait for a line, and become the
     * program. What that prints goes to where its log goes, because nobody will read this pipe.
     */
    private static final String START = """
            { read -r go && echo; } |
              setsid --fork sh -c 'echo $$; read -r go && exec "$0" "$@" </dev/null >&2' "$@" || echo failed
            """;

    /** Of this process; empty if it was started in another way. */
    static Optional<Launcher> ofThisProcess(Path file, boolean verbose) {
        return Optional.ofNullable(System.getProperty(PROPERTY)).map(program -> {
            List<String> command = new ArrayList<>(List.of(program, "-c", file.toString()));
            if (verbose) {
                command.add("-v");
            }
            return new Launcher(command);
        });
    }

    /** Why the program cannot run with the configuration as it is now; empty: it can. Blocks. */
    Optional<String> complaint(Duration patience) throws IOException, InterruptedException {
        ProcessBuilder builder = builder(List.of(), "check").redirectErrorStream(true);
        Process process = builder.start();
        AtomicBoolean stopped = new AtomicBoolean();
        CompletableFuture.delayedExecutor(patience.toMillis(), TimeUnit.MILLISECONDS)
                .execute(() -> {
                    stopped.set(process.isAlive());
                    process.destroyForcibly();
                });
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        int code = process.waitFor();
        if (stopped.get()) {
            return Optional.of("`check` took longer than " + patience.toSeconds()
                    + " s and was stopped: the machine may be busy; try again");
        }
        return code == 0
                ? Optional.empty()
                : Optional.of(output.isBlank() ? "`check` has ended with exit code " + code : output.strip());
    }

    /** A process that has been started, and does nothing before it may. */
    record Begun(ProcessHandle process, OutputStream may) {
        void go() throws IOException {
            may.write('\n');
            may.close();
        }
    }

    /**
     * Starts the program to take over, as no child of this process, which is to end first: then systemd is told of its
     * end, and by then it does not matter whose terminal this is.
     */
    Begun takeOver() throws IOException {
        Process process = builder(List.of("sh", "-c", START, "sh"), "take-over")
                .redirectInput(Redirect.PIPE)
                .redirectError(Redirect.INHERIT)
                .start();
        String pid = String.valueOf(process.inputReader().readLine());
        ProcessHandle begun = pid.matches("[0-9]{1,9}")
                ? ProcessHandle.of(Long.parseLong(pid)).orElse(null)
                : null;
        if (begun == null) {
            process.getOutputStream().close();
            throw new IOException("cannot start " + command.get(0) + " by setsid and sh");
        }
        return new Begun(begun, process.getOutputStream());
    }

    private ProcessBuilder builder(List<String> prefix, String what) {
        List<String> words = new ArrayList<>(prefix);
        words.addAll(command);
        words.add(what);
        ProcessBuilder builder = new ProcessBuilder(words)
                .redirectInput(Redirect.from(Path.of("/dev/null").toFile()));
        // What systemd has set for this process alone (sd_listen_fds(3), sd_watchdog_enabled(3)).
        Map<String, String> environment = builder.environment();
        List.of("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID").forEach(environment::remove);
        return builder;
    }
}
