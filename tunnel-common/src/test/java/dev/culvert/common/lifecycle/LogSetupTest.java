package dev.culvert.common.lifecycle;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.Configurator.ExecutionStatus;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

class LogSetupTest {
    private static final String FILE = "logback.configurationFile";

    @AfterEach
    void forget() {
        System.clearProperty(FILE);
    }

    @Test
    void logbackFindsIt() {
        LoggerContext logs = (LoggerContext) LoggerFactory.getILoggerFactory();
        assertThat(logs.getLogger(Logger.ROOT_LOGGER_NAME).getAppender("stderr"))
                .isInstanceOf(StderrAppender.class);
        assertThat(logs.getLogger("io.netty").getEffectiveLevel()).isEqualTo(Level.WARN);
        assertThat(logs.getLogger("anything").getEffectiveLevel()).isEqualTo(Level.INFO);
    }

    @Test
    void aFileThatTheUserNamesCountsInstead() {
        System.setProperty(FILE, "mine.xml");
        LoggerContext logs = new LoggerContext();
        assertThat(new LogSetup().configure(logs)).isEqualTo(ExecutionStatus.INVOKE_NEXT_IF_ANY);
        assertThat(logs.getLogger(Logger.ROOT_LOGGER_NAME).iteratorForAppenders())
                .isExhausted();
    }
}
