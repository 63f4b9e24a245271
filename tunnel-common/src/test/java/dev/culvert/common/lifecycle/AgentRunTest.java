package dev.culvert.common.lifecycle;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.common.config.AgentConfig;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AgentRunTest {
    /** Has a bug wherever it is used. */
    static final class Buggy {
        @SuppressWarnings("unchecked")
        public static void main(String... args) throws InterruptedException {
            Program<AgentConfig> program = (Program<AgentConfig>) Proxy.newProxyInstance(
                    Program.class.getClassLoader(), new Class<?>[] {Program.class}, (of, method, with) -> {
                        throw new IllegalStateException("nobody has thought of this");
                    });
            System.exit(AgentRun.execute(program, args));
        }
    }

    /** In a JVM of its own, since the end of a run is that of all logs. */
    @Test
    void aBugHasAnExitCodeOfItsOwnAndIsInTheLog(@TempDir Path directory) throws Exception {
        Path log = directory.resolve("log");
        Process agent = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Buggy.class.getName(),
                        "-c",
                        directory.resolve("a.conf").toString())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        try {
            assertThat(agent.waitFor(30, TimeUnit.SECONDS)).isTrue();
            assertThat(agent.exitValue()).as(Files.readString(log)).isEqualTo(70);
            assertThat(log)
                    .content()
                    .contains("ended by a bug of its own, please report it", "nobody has thought of this");
        } finally {
            agent.destroyForcibly();
        }
    }
}
