package dev.culvert.dist;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** openssl(1): TLS of another make, and a workshop for certificates. */
final class OpenSsl {
    private static final Path PROGRAM = Path.of("/usr/bin/openssl");

    private OpenSsl() {}

    /** Skips the test where there is no openssl, and prints what has not been verified then. */
    static void require(String what) {
        Programs.require(PROGRAM.toString(), what);
    }

    /** Runs it in a directory. */
    static void run(Path directory, String... arguments) {
        Programs.run(new ProcessBuilder(command(arguments)).directory(directory.toFile()))
                .expect(0);
    }

    /** What s_client has to tell of a connection on which it writes what is in a file. */
    static Programs.Result connect(int port, Path words, String... options) {
        List<String> command = command("s_client", "-connect", "127.0.0.1:" + port);
        command.addAll(Arrays.asList(options));
        return Programs.run(new ProcessBuilder(command).redirectInput(words.toFile()));
    }

    private static List<String> command(String... arguments) {
        List<String> command = new ArrayList<>();
        command.add(PROGRAM.toString());
        command.addAll(Arrays.asList(arguments));
        return command;
    }
}
