package dev.culvert.common.lifecycle;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.Configurator.ExecutionStatus;
import ch.qos.logback.classic.util.ContextInitializer;
import ch.qos.logback.core.joran.spi.JoranException;
import dev.culvert.common.config.LogConfig;
import dev.culvert.common.config.LogConfig.Format;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogSetupTest {
    private static final String FILE = "logback.configurationFile";

    private final Properties before = (Properties) System.getProperties().clone();
    private final LoggerContext logs = new LoggerContext();
    private final StderrAppender stderr = new StderrAppender(OutputStream.nullOutputStream());

    private void apply(Format format, LogConfig.Level level, Map<String, LogConfig.Level> levels) {
        LogSetup.apply(new LogConfig(format, level, levels), logs, stderr);
    }

    private Level levelOf(String logger) {
        return logs.getLogger(logger).getEffectiveLevel();
    }

    @BeforeEach
    void nobodyNamesAFile() {
        System.clearProperty(FILE);
    }

    @AfterEach
    void asItWas() {
        System.setProperties(before);
    }

    @Test
    void logbackFindsIt() throws JoranException {
        new ContextInitializer(logs).autoConfig();
        assertThat(logs.getLogger(Logger.ROOT_LOGGER_NAME).getAppender("stderr"))
                .isInstanceOf(StderrAppender.class);
        assertThat(levelOf("io.netty")).isEqualTo(Level.WARN);
        assertThat(levelOf("anything")).isEqualTo(Level.INFO);
        logs.stop();
    }

    @Test
    void ofTheProviderItIsTheSame() {
        LogProvider provider = new LogProvider();
        provider.initialize();
        LoggerContext provided = (LoggerContext) provider.getLoggerFactory();
        assertThat(provided.getLogger(Logger.ROOT_LOGGER_NAME).getAppender("stderr"))
                .isInstanceOf(StderrAppender.class);
        assertThat(provided.isStarted()).isTrue();
        assertThat(provided.getMDCAdapter()).isSameAs(provider.getMDCAdapter());
        provided.stop();
    }

    @Test
    void theProviderLeavesItToAFileThatTheUserNames(@TempDir Path directory) throws IOException {
        Path file = Files.writeString(
                directory.resolve("mine.xml"), "<configuration><root level='ERROR'/></configuration>");
        System.setProperty(FILE, file.toString());
        LogProvider provider = new LogProvider();
        provider.initialize();
        LoggerContext provided = (LoggerContext) provider.getLoggerFactory();
        Logger root = provided.getLogger(Logger.ROOT_LOGGER_NAME);
        assertThat(root.getLevel()).isEqualTo(Level.ERROR);
        assertThat(root.iteratorForAppenders()).isExhausted();
        provided.stop();
    }

    @Test
    void aFileThatTheUserNamesCountsInstead() {
        System.setProperty(FILE, "mine.xml");
        assertThat(new LogSetup().configure(logs)).isEqualTo(ExecutionStatus.INVOKE_NEXT_IF_ANY);
        assertThat(logs.getLogger(Logger.ROOT_LOGGER_NAME).iteratorForAppenders())
                .isExhausted();
    }

    @Test
    void levelsAreThoseOfTheLastConfiguration() {
        apply(
                Format.TEXT,
                LogConfig.Level.WARN,
                Map.of("a.b", LogConfig.Level.TRACE, "io.netty", LogConfig.Level.DEBUG));
        assertThat(levelOf("a")).isEqualTo(Level.WARN);
        assertThat(levelOf("a.b.c")).isEqualTo(Level.TRACE);
        assertThat(levelOf("io.netty.channel")).isEqualTo(Level.DEBUG);

        apply(Format.TEXT, LogConfig.Level.DEBUG, Map.of());
        assertThat(levelOf("a")).isEqualTo(Level.DEBUG);
        assertThat(levelOf("a.b.c")).isEqualTo(Level.DEBUG);
        assertThat(levelOf("io.netty.channel"))
                .as("says a lot, of what few understand")
                .isEqualTo(Level.WARN);

        apply(Format.TEXT, LogConfig.Level.ERROR, Map.of());
        assertThat(levelOf("io.netty.channel")).isEqualTo(Level.ERROR);
    }

    @Test
    void whoWantsMoreGetsMoreWhateverTheConfigurationSays() {
        logs.putProperty("culvert.verbose", "true");
        apply(Format.TEXT, LogConfig.Level.ERROR, Map.of("dev.culvert.mux", LogConfig.Level.WARN));
        assertThat(levelOf("dev.culvert.client")).isEqualTo(Level.DEBUG);
        assertThat(levelOf("dev.culvert.mux")).isEqualTo(Level.WARN);
        assertThat(levelOf("other")).isEqualTo(Level.ERROR);

        apply(Format.TEXT, LogConfig.Level.TRACE, Map.of());
        assertThat(levelOf("dev.culvert.client")).isEqualTo(Level.TRACE);
    }

    @Test
    void theFormatIsThatOfTheLastConfiguration() {
        apply(Format.JSON, LogConfig.Level.INFO, Map.of());
        assertThat(stderr.encoder()).isInstanceOf(JsonEncoder.class);
        apply(Format.JOURNALD, LogConfig.Level.INFO, Map.of());
        assertThat(stderr.encoder()).isInstanceOf(JournalEncoder.class);
        apply(Format.TEXT, LogConfig.Level.INFO, Map.of());
        assertThat(stderr.encoder()).isInstanceOf(LineEncoder.class);
    }

    @Test
    void theJournalIsTheFileThatTheEnvironmentNames(@TempDir Path directory) throws IOException {
        Path file = Files.createFile(directory.resolve("stderr"));
        Path link = Files.createSymbolicLink(directory.resolve("2"), file); // as in /proc/self/fd
        String id = Files.getAttribute(file, "unix:dev") + ":" + Files.getAttribute(file, "unix:ino");

        assertThat(LogSetup.isJournal(Map.of("JOURNAL_STREAM", id), link)).isTrue();
        assertThat(LogSetup.isJournal(Map.of("JOURNAL_STREAM", "1:1"), link)).isFalse();
        assertThat(LogSetup.isJournal(Map.of(), link)).isFalse();
        assertThat(LogSetup.isJournal(Map.of("JOURNAL_STREAM", id), directory.resolve("none")))
                .isFalse();
    }
}
