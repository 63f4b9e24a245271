package dev.culvert.common.config;

import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;

/** A configuration in a test: the text of a file {@code a.conf}. */
record Text(Path directory, String text) {
    <T> T read(Function<Section, T> shape) throws BadConfig {
        return ConfigFile.read(write(), shape);
    }

    /** One section. */
    <T> T peek(String section, Function<Section, T> shape) throws BadConfig {
        return ConfigFile.peek(write(), directory.resolve("none.conf"), section, shape);
    }

    /** Every error, without the directory in front. */
    List<String> errors(Function<Section, ?> shape) {
        Path file = write();
        BadConfig refusal = catchThrowableOfType(BadConfig.class, () -> ConfigFile.read(file, shape));
        return refusal.errors().stream()
                .map(error -> error.replace(directory + "/", ""))
                .toList();
    }

    private Path write() {
        try {
            return Files.writeString(directory.resolve("a.conf"), text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
