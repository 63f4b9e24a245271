package dev.culvert.common.config;

import dev.culvert.common.tls.SecretFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.Optional;

/** A password, which is never printed. */
public final class Secret {
    private final byte[] bytes;

    private Secret(byte[] bytes) {
        this.bytes = bytes;
    }

    public static Secret of(String text) {
        return new Secret(text.getBytes(StandardCharsets.UTF_8));
    }

    /** Reads {@code KEY}, or the first line of the file that {@code KEY-file} names; one of them has to be there. */
    public static Secret read(Section section, String key) {
        Optional<String> text = section.find(key, Kind.text());
        Optional<Path> file = section.findFile(key + "-file");
        if (text.isPresent() == file.isPresent()) {
            section.error(
                    key + "-file",
                    text.isPresent()
                            ? "there is " + key + " as well; one of them is enough"
                            : "missing, expected a file with the password in its first line, or " + key
                                    + " = ${?A_VARIABLE} of the environment");
            return of("");
        }
        try {
            return of(text.isPresent() ? text.get() : firstLine(file.orElseThrow()));
        } catch (IOException e) {
            section.error(key + "-file", String.valueOf(e.getMessage()));
            return of("");
        }
    }

    private static String firstLine(Path file) throws IOException {
        String line =
                SecretFile.read(file, "a password", "").lines().findFirst().orElse("");
        if (line.isEmpty()) {
            throw new IOException(file + " has nothing in its first line");
        }
        return line;
    }

    /** Whether it is ASCII, of no more than so many characters. */
    public boolean isAscii(int most) {
        for (byte one : bytes) {
            if (one < 0) {
                return false;
            }
        }
        return bytes.length <= most;
    }

    /** Whether it is the same, in a time that does not tell how much of it is. */
    public boolean is(String other) {
        return MessageDigest.isEqual(bytes, other.getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Secret secret && MessageDigest.isEqual(bytes, secret.bytes);
    }

    @Override
    public int hashCode() {
        return 0; // nothing of it
    }

    @Override
    public String toString() {
        return "(secret)";
    }
}
