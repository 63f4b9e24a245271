package dev.culvert.dist;

import java.util.ArrayList;
import java.util.List;

/**
 * The launchers of the built package, for tests that start very many: with one compiler these start in three quarters
 * of the time.
 */
final class Launcher {
    /** For CULVERT_OPTS. */
    static final String ONE_COMPILER = "-XX:TieredStopAtLevel=1";

    private Launcher() {}

    /** Runs {@code program} with these words. */
    static ProcessBuilder command(String program, String... words) {
        List<String> command = new ArrayList<>();
        command.add(AgentProcess.packaged("bin/" + program).toString());
        command.addAll(List.of(words));
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().put("CULVERT_OPTS", ONE_COMPILER);
        return builder;
    }

    /** The same by a shell, whose {@code script} has it as {@code "$0" "$@"}. */
    static ProcessBuilder byShell(String script, String program, String... words) {
        ProcessBuilder builder = command(program, words);
        builder.command().addAll(0, List.of("sh", "-c", script));
        return builder;
    }
}
