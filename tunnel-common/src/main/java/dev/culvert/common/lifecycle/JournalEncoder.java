package dev.culvert.common.lifecycle;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.spi.ILoggingEvent;

/**
 * Lines for the journal, which knows the time by itself and takes each line for an entry: so each has the prefix of
 * sd-daemon(3) with the priority.
 *
 * <pre>
 * &lt;6>forwards.db: listening on 127.0.0.1:5432
 * </pre>
 */
final class JournalEncoder extends StringEncoder {
    @Override
    String lines(ILoggingEvent event) {
        String prefix = prefix(event.getLevel());
        StringBuilder lines = new StringBuilder(128);
        String text = event.getFormattedMessage() + "\n" + stackOf(event);
        text.lines().forEach(line -> lines.append(prefix).append(line).append('\n'));
        return lines.toString();
    }

    private static String prefix(Level level) {
        return switch (level.toInt()) {
            case Level.ERROR_INT -> "<3>";
            case Level.WARN_INT -> "<4>";
            case Level.INFO_INT -> "<6>";
            default -> "<7>";
        };
    }
}
