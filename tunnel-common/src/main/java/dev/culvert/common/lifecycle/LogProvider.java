package dev.culvert.common.lifecycle;

import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.LogbackServiceProvider;

/**
 * Logback, set up by {@link LogSetup} at once. By itself it comes to the same, but looks through every jar for whoever
 * might set it up, a tenth of a start. SLF4J takes this one where the property {@code slf4j.provider} names it, as
 * {@code lib/jvm.options} does.
 */
public final class LogProvider extends LogbackServiceProvider {
    @Override
    public void initialize() {
        if (LogSetup.isLeftToAFile()) {
            super.initialize();
            return;
        }
        LoggerContext logs = (LoggerContext) getLoggerFactory();
        logs.setMDCAdapter(getMDCAdapter());
        new LogSetup().configure(logs);
        logs.start();
    }
}
