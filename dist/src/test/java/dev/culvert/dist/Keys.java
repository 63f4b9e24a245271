package dev.culvert.dist;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A key as `keygen` makes it: its file, and the fingerprint that it prints. */
record Keys(Path file, String fingerprint) {
    /** Where the two below are, under the names that agents look for. */
    static final Path DIRECTORY = newDirectory();

    /** Those of the agents of a test that is not about keys. */
    static final Keys SERVER = make("tunnel-server", DIRECTORY.resolve("server.key"));

    static final Keys CLIENT = make("tunnel-client", DIRECTORY.resolve("client.key"));

    private static Path newDirectory() {
        try {
            Path directory = Files.createTempDirectory("culvert-keys");
            Runtime.getRuntime().addShutdownHook(new Thread(() -> Programs.deleteTree(directory)));
            return directory;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Has an agent make a key. */
    static Keys make(String agent, Path file) {
        try {
            String tls = "tls { key-file = \"" + file + "\" }";
            Path config = Files.writeString(
                    Files.createTempFile(DIRECTORY, agent, ".conf"),
                    agent.equals("tunnel-client") ? "upstream { " + tls + " }" : tls);
            ProcessBuilder keygen = Launcher.command(agent, "-c", config.toString(), "keygen");
            String[] lines = Programs.run(keygen).expect(0).output().split("\n", -1);
            return new Keys(file, lines[lines.length - 1]);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
