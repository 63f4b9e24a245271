package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Signals that come while an agent still waits for its configuration, which it gets from a pipe. */
@Timeout(60)
final class EarlySignalsTest {
    private static final byte[] CONFIG = """
            listen = "127.0.0.1:0", tls = off, admin.listen = off
            anonymous { allow = ["127.0.0.1:1"] }
            """.getBytes(StandardCharsets.UTF_8);

    @TempDir
    private Path directory = Path.of("");

    private Path pipe = Path.of("");

    @BeforeEach
    void makePipe() {
        pipe = directory.resolve("server.conf");
        Programs.run("mkfifo", pipe.toString()).expect(0);
    }

    private AgentProcess begin() {
        return AgentProcess.server().arguments("-c", pipe.toString()).start();
    }

    /** Returns when the agent has begun to read. */
    private OutputStream awaitReader() throws IOException {
        return Files.newOutputStream(pipe);
    }

    @Test
    void aReloadAndAReportAreDoneAsSoonAsItRuns() throws Exception {
        try (AgentProcess agent = begin()) {
            try (OutputStream config = awaitReader()) {
                agent.signal("HUP");
                agent.signal("USR1");
                config.write(CONFIG);
            }
            agent.awaitLog("state: ");
            agent.port("listen");
            try (OutputStream config = awaitReader()) {
                config.write(CONFIG);
            }
            agent.awaitLog("reloaded ");
        }
    }

    @Test
    void anEndIsOneInGoodOrder() throws Exception {
        try (AgentProcess agent = begin();
                OutputStream config = awaitReader()) {
            config.write(CONFIG, 0, 10);
            agent.terminate();
            assertThat(agent.awaitExit()).isZero();
        }
    }
}
