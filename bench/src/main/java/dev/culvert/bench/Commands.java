package dev.culvert.bench;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Finds programs as a shell would. */
public final class Commands {
    private Commands() {}

    /** Whether there is such a program: a path, or a name on PATH. */
    public static boolean canRun(Path command) {
        String path = System.getenv().getOrDefault("PATH", "") + ":/usr/sbin:/sbin";
        return command.isAbsolute()
                ? Files.isExecutable(command)
                : Stream.of(path.split(":", -1))
                        .anyMatch(folder -> Files.isExecutable(Path.of(folder).resolve(command)));
    }
}
