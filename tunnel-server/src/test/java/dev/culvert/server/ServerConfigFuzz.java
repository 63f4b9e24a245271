package dev.culvert.server;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.culvert.common.config.ArbitraryFile;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;

/** Configuration files that a coverage-guided fuzzer thinks of: each is read or refused in sentences. */
class ServerConfigFuzz {
    @TempDir
    static Path directory;

    @FuzzTest(maxDuration = "60s")
    void aFileIsReadOrRefused(byte[] text) throws IOException {
        ArbitraryFile.check(directory, text, ServerConfig::read, ServerConfig::describe);
    }
}
