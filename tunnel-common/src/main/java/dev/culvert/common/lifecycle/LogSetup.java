package dev.culvert.common.lifecycle;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.Configurator;
import ch.qos.logback.core.spi.ContextAwareBase;
import dev.culvert.common.config.LogConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/**
 * How the log is set up: lines to standard error, as a {@link LogConfig} says. In code and not in a logback.xml, whose
 * parsers are a fifth of all classes that a starting agent would load; one that {@code -Dlogback.configurationFile}
 * names counts instead.
 */
public final class LogSetup extends ContextAwareBase implements Configurator {
    private static final String APPENDER = "stderr";
    /** A property of the logger context: there is more in the log than the configuration says. */
    private static final String VERBOSE = "culvert.verbose";

    private static final String OURS = "dev.culvert";
    private static final Path STDERR = Path.of("/proc/self/fd/2");

    @Override
    public ExecutionStatus configure(LoggerContext logs) {
        if (isLeftToAFile()) {
            return ExecutionStatus.INVOKE_NEXT_IF_ANY;
        }
        StderrAppender stderr = new StderrAppender();
        stderr.setContext(logs);
        stderr.setName(APPENDER);
        apply(LogConfig.DEFAULT, logs, stderr);
        stderr.start();
        logs.getLogger(Logger.ROOT_LOGGER_NAME).addAppender(stderr);
        return ExecutionStatus.DO_NOT_INVOKE_NEXT_IF_ANY;
    }

    /** Whether the user has named a logback.xml. */
    static boolean isLeftToAFile() {
        return System.getProperty("logback.configurationFile") != null;
    }

    /**
     * From now on the log is what {@code config} says; what waits to be written is written so, too. Any thread, as
     * often as one likes.
     */
    public static void apply(LogConfig config) {
        LoggerContext logs = context();
        StderrAppender stderr = appender(logs);
        if (stderr != null) {
            apply(config, logs, stderr);
        }
    }

    /** What this program does is logged from DEBUG, now and after each {@link #apply}. */
    static void verbose() {
        LoggerContext logs = context();
        logs.putProperty(VERBOSE, "true");
        logs.getLogger(OURS).setLevel(Level.DEBUG);
    }

    /** Whether lines are for people, who need none around a sentence that is meant for them. */
    static boolean isText() {
        StderrAppender stderr = appender(context());
        return stderr == null || stderr.encoder() instanceof LineEncoder;
    }

    private static LoggerContext context() {
        return (LoggerContext) LoggerFactory.getILoggerFactory();
    }

    /** Null where the log is set up otherwise. */
    private static @Nullable StderrAppender appender(LoggerContext logs) {
        return logs.getLogger(Logger.ROOT_LOGGER_NAME).getAppender(APPENDER) instanceof StderrAppender stderr
                ? stderr
                : null;
    }

    static void apply(LogConfig config, LoggerContext logs, StderrAppender stderr) {
        synchronized (stderr) {
            stderr.setEncoder(encoder(config.format()));
            Map<String, Level> levels = levels(config, logs.getProperty(VERBOSE) != null);
            levels.keySet().forEach(logs::getLogger);
            // Each is changed once, from what it was to what it is to be: a line of between is not lost.
            logs.getLoggerList().forEach(logger -> logger.setLevel(levels.get(logger.getName())));
        }
    }

    private static Map<String, Level> levels(LogConfig config, boolean verbose) {
        Level level = level(config.level());
        Map<String, Level> levels = new HashMap<>();
        levels.put(Logger.ROOT_LOGGER_NAME, level);
        levels.put("io.netty", level.isGreaterOrEqual(Level.WARN) ? level : Level.WARN);
        config.levels().forEach((logger, its) -> levels.put(logger, level(its)));
        if (verbose && levels.getOrDefault(OURS, level).isGreaterOrEqual(Level.DEBUG)) {
            levels.put(OURS, Level.DEBUG);
        }
        return levels;
    }

    private static Level level(LogConfig.Level level) {
        return switch (level) {
            case ERROR -> Level.ERROR;
            case WARN -> Level.WARN;
            case INFO -> Level.INFO;
            case DEBUG -> Level.DEBUG;
            case TRACE -> Level.TRACE;
        };
    }

    private static StringEncoder encoder(LogConfig.Format format) {
        return switch (format) {
            case AUTO -> isJournal(System.getenv(), STDERR) ? new JournalEncoder() : new LineEncoder();
            case TEXT -> new LineEncoder();
            case JOURNALD -> new JournalEncoder();
            case JSON -> new JsonEncoder();
        };
    }

    /**
     * Whether a file is the journal: systemd names its device and inode in JOURNAL_STREAM (systemd.exec(5)), which
     * children inherit even where their own standard error is another one.
     */
    static boolean isJournal(Map<String, String> env, Path file) {
        String journal = env.get("JOURNAL_STREAM");
        if (journal == null) {
            return false;
        }
        try {
            return journal.equals(Files.getAttribute(file, "unix:dev") + ":" + Files.getAttribute(file, "unix:ino"));
        } catch (IOException | UnsupportedOperationException e) {
            return false;
        }
    }
}
