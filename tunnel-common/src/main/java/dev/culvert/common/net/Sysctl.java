package dev.culvert.common.net;

import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** Settings of Linux, by the names that sysctl(8) has for them. Reads files: not for event loops. */
public final class Sysctl {
    /** Those of this machine. */
    public static final Sysctl KERNEL = new Sysctl(Path.of("/proc/sys"));

    private final Path root;

    Sysctl(Path root) {
        this.root = root;
    }

    /** The numbers of a setting; none where there is no such setting, or it has none. */
    public List<Long> read(String name) {
        Path file = root.resolve(name.replace('.', '/'));
        // Not by Files.readString: it asks for one byte first, and the kernel gives what is read at once, and no more
        // after it.
        try (InputStream in = new FileInputStream(file.toFile())) {
            String text = new String(in.readAllBytes(), StandardCharsets.US_ASCII);
            return Arrays.stream(text.strip().split("\\s+", -1))
                    .map(Long::parseLong)
                    .toList();
        } catch (IOException | NumberFormatException e) { // not Linux, or not to be read
            return List.of();
        }
    }
}
