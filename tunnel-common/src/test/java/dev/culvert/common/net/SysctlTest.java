package dev.culvert.common.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SysctlTest {
    /** As another program reads it: the kernel is no ordinary file. */
    @ParameterizedTest
    @ValueSource(strings = {"net.core.somaxconn", "net.ipv4.tcp_wmem"})
    void aSettingOfTheKernelIsReadWhole(String name) throws IOException, InterruptedException {
        Path file = Path.of("/proc/sys", name.split("\\.", -1));
        assumeTrue(Files.exists(file), "SKIPPED: this is not Linux");
        Process cat = new ProcessBuilder("cat", file.toString()).start();
        String said = new String(cat.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
        assertThat(cat.waitFor()).isZero();

        assertThat(Sysctl.KERNEL.read(name))
                .containsExactlyElementsOf(Arrays.stream(said.strip().split("\\s+", -1))
                        .map(Long::parseLong)
                        .toList());
    }

    @Test
    void whatIsNotThereOrNoNumberHasNone(@TempDir Path root) throws IOException {
        Files.writeString(root.resolve("name"), "bbr\n");

        assertThat(new Sysctl(root).read("name")).isEmpty();
        assertThat(new Sysctl(root).read("net.none")).isEmpty();
    }
}
