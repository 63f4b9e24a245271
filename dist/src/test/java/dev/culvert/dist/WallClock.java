package dev.culvert.dist;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;

/**
 * The time of day as one agent has it, by libfaketime; its monotonic clock is left alone, as when an administrator or
 * NTP sets the time.
 */
final class WallClock implements AutoCloseable {
    private final Path directory = Files.createTempDirectory("culvert-clock");
    private final Path offset = directory.resolve("offset");

    WallClock() throws IOException {
        jump(Duration.ZERO);
    }

    /** Skips the test where there is no libfaketime, and says what has not been verified then. */
    static void require(String what) {
        Programs.require("/usr/bin/faketime", what);
    }

    /** Has an agent live by it from its start. */
    void giveTo(AgentProcess.Builder agent) {
        // Not by the program faketime, which stays between: signals are for the agent. $LIB is for ld.so(8).
        agent.environment("LD_PRELOAD", "/usr/$LIB/faketime/libfaketimeMT.so.1")
                .environment("FAKETIME_TIMESTAMP_FILE", offset.toString())
                .environment("FAKETIME_NO_CACHE", "1")
                .environment("FAKETIME_DONT_FAKE_MONOTONIC", "1")
                // By itself it takes the JVM's condition variables for ones that wait by the time of day.
                .environment("FAKETIME_FORCE_MONOTONIC_FIX", "0")
                .environment("NO_FAKE_STAT", "1")
                .environment("TZ", "UTC");
    }

    /** From now on it is so far ahead of the real time. */
    void jump(Duration ahead) throws IOException {
        Path next = Files.writeString(directory.resolve("next"), "%+d\n".formatted(ahead.toSeconds()));
        Files.move(next, offset, StandardCopyOption.ATOMIC_MOVE);
    }

    @Override
    public void close() {
        Programs.deleteTree(directory);
    }
}
