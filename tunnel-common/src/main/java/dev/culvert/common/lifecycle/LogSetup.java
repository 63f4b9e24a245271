package dev.culvert.common.lifecycle;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.Configurator;
import ch.qos.logback.core.spi.ContextAwareBase;

/**
 * How the log is set up: lines to standard error, from INFO. In code and not in a logback.xml, whose parsers are a fifth of
 * all classes that a starting agent would load; one that {@code -Dlogback.configurationFile} names counts instead.
 */
public final class LogSetup extends ContextAwareBase implements Configurator {
    @Override
    public ExecutionStatus configure(LoggerContext logs) {
        if (System.getProperty("logback.configurationFile") != null) {
            return ExecutionStatus.INVOKE_NEXT_IF_ANY;
        }
        LineEncoder lines = new LineEncoder();
        lines.setContext(logs);
        lines.start();
        StderrAppender stderr = new StderrAppender();
        stderr.setContext(logs);
        stderr.setName("stderr");
        stderr.setEncoder(lines);
        stderr.start();
        Logger root = logs.getLogger(Logger.ROOT_LOGGER_NAME);
        root.setLevel(Level.INFO);
        root.addAppender(stderr);
        logs.getLogger("io.netty").setLevel(Level.WARN);
        return ExecutionStatus.DO_NOT_INVOKE_NEXT_IF_ANY;
    }
}
