package dev.culvert.common.lifecycle;

import ch.qos.logback.classic.spi.ILoggingEvent;
import java.time.ZoneId;

/**
 * A line of the log: time, level, message; and below it the stack, if something was thrown.
 *
 * <pre>
 * 2026-01-31T12:00:00.000Z INFO  forwards.db: listening on 127.0.0.1:5432
 * </pre>
 */
final class LineEncoder extends StringEncoder {
    private final Clock clock;

    /** Times are those of this machine's zone. */
    LineEncoder() {
        this(ZoneId.systemDefault());
    }

    LineEncoder(ZoneId zone) {
        clock = new Clock(zone);
    }

    @Override
    String lines(ILoggingEvent event) {
        StringBuilder line = new StringBuilder(128).append(clock.time(event));
        String level = event.getLevel().toString();
        line.append(' ').append(level);
        if (level.length() < 5) {
            line.append(' ');
        }
        line.append(' ').append(event.getFormattedMessage()).append('\n');
        return line.append(stackOf(event)).toString();
    }
}
