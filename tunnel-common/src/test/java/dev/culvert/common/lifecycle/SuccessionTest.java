package dev.culvert.common.lifecycle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.culvert.common.admin.Backend;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** With a shell script in place of the new process. */
class SuccessionTest {
    @TempDir
    private Path directory;

    @Test
    void aProcessThatGivesUpHasTheTimeToSayWhy() throws Exception {
        Path program = Files.writeString(directory.resolve("program"), """
                #!/bin/sh
                [ "$1" = check ] && exit 0
                cd "%s" && echo $$ > its && mv its pid
                until [ -e gone ]; do sleep 0.1; done
                echo "cannot listen" > why
                """.formatted(directory));
        Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwx------"));
        Succession succession =
                new Succession(agent(), Optional.of(new Launcher(List.of(program.toString()))), false, () -> {});

        CompletableFuture<Backend.Answer> answer = succession.upgrade();
        Path pid = directory.resolve("pid");
        await().until(() -> Files.exists(pid));
        succession.announce(Long.parseLong(Files.readString(pid).strip())).gone();
        Files.createFile(directory.resolve("gone"));

        assertThat(answer.get(10, TimeUnit.SECONDS).text()).contains("and its log says why");
        assertThat(directory.resolve("why")).hasContent("cannot listen");
    }

    private static Agent agent() {
        return (Agent) Proxy.newProxyInstance(
                Agent.class.getClassLoader(), new Class<?>[] {Agent.class}, (of, method, with) -> {
                    throw new AssertionError("nobody asks");
                });
    }
}
