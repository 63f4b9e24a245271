package dev.culvert.common.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;

/** Arbitrary bytes as a configuration file: what the fuzz targets of both agents share. */
public final class ArbitraryFile {
    /** Reads a file as an agent does. */
    public interface Reader<T> {
        T read(Path file) throws BadConfig;
    }

    private ArbitraryFile() {}

    /**
     * Checks that the file is read, and can be described, or is refused with its errors; and both again, if it is read
     * again.
     */
    public static <T> void check(Path directory, byte[] bytes, Reader<T> reader, Function<T, String> describe)
            throws IOException {
        String text = new String(bytes, StandardCharsets.UTF_8);
        boolean includes = text.contains("include");
        boolean namesFiles = includes || text.contains("-file");
        if (namesFiles && (text.indexOf('/') >= 0 || text.indexOf('\\') >= 0)) {
            return; // it might read whatever this machine has
        }
        Path file = Files.write(directory.resolve("fuzz.conf"), bytes);
        try {
            T value = reader.read(file);
            assertThat(describe.apply(value)).isNotBlank().doesNotContainPattern("[\\p{Cc}&&[^\n]]");
            assertThat(reader.read(file)).isEqualTo(value);
        } catch (BadConfig refusal) {
            assertThat(refusal.errors()).isNotEmpty();
            for (String error : refusal.errors()) {
                assertThat(error).doesNotContainPattern("\\p{Cc}");
                if (!includes) {
                    assertThat(error).startsWith(file + ":");
                }
            }
            assertThat(errors(file, reader)).isEqualTo(refusal.errors());
        }
    }

    private static List<String> errors(Path file, Reader<?> reader) {
        try {
            return List.of("it is now read as " + reader.read(file));
        } catch (BadConfig refusal) {
            return refusal.errors();
        }
    }
}
