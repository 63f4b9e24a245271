package dev.culvert.bench;

import dev.culvert.bench.load.Load;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** How the programs of {@link Load} are started: by this JVM's java, with a small heap. */
public final class LoadCommand {
    /** The command with these arguments. */
    public List<String> of(String... arguments) {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                Load.class.getName()));
        command.addAll(List.of(arguments));
        return command;
    }
}
