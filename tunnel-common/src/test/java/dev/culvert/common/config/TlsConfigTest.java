package dev.culvert.common.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TlsConfigTest {
    @TempDir
    private Path directory;

    /** Each is a reason to read the files again: one that could not be used may be of use now. */
    @Test
    void whatAFileHoldsWhoMayReadItAndWhetherItIsThereIsItsContent() throws Exception {
        Path key = directory.resolve("agent.key");
        TlsConfig config = new TlsConfig(key, key, Optional.empty());
        List<Optional<String>> all = new ArrayList<>();
        all.add(config.content());
        Files.writeString(key, "one");
        Files.setPosixFilePermissions(key, PosixFilePermissions.fromString("rw-r--r--"));
        all.add(config.content());
        Files.setPosixFilePermissions(key, PosixFilePermissions.fromString("rw-------"));
        all.add(config.content());
        Files.writeString(key, "two");
        all.add(config.content());
        assertThat(all).doesNotContain(Optional.empty());
        assertThat(new HashSet<>(all)).hasSize(all.size());

        Files.delete(key);
        assertThat(config.content()).isEqualTo(all.get(0));
    }
}
