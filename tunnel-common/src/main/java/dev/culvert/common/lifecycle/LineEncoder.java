package dev.culvert.common.lifecycle;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.encoder.EncoderBase;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;

/**
 * A line of the log: time, level, message; and below it the stack, if something was thrown.
 *
 * <pre>
 * 2026-01-31T12:00:00.000Z INFO  forwards.db: listening on 127.0.0.1:5432
 * </pre>
 *
 * <p>For one thread.
 */
final class LineEncoder extends EncoderBase<ILoggingEvent> {
    private static final byte[] NONE = {};

    private final DateTimeFormatter times;
    private long lastMillis = Long.MIN_VALUE;
    private String lastTime = "";

    /** Times are those of this machine's zone. */
    LineEncoder() {
        this(ZoneId.systemDefault());
    }

    LineEncoder(ZoneId zone) {
        times = DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSSXXX").withZone(zone);
    }

    @Override
    public byte[] encode(ILoggingEvent event) {
        StringBuilder line = new StringBuilder(128).append(time(event.getTimeStamp()));
        String level = event.getLevel().toString();
        line.append(' ').append(level);
        if (level.length() < 5) {
            line.append(' ');
        }
        line.append(' ').append(event.getFormattedMessage()).append(System.lineSeparator());
        IThrowableProxy thrown = event.getThrowableProxy();
        if (thrown != null) {
            line.append(ThrowableProxyUtil.asString(thrown));
        }
        return line.toString().getBytes(StandardCharsets.UTF_8);
    }

    /** Lines that come in thousands often have the same one. */
    private String time(long millis) {
        if (millis != lastMillis) {
            lastMillis = millis;
            lastTime = times.format(Instant.ofEpochMilli(millis));
        }
        return lastTime;
    }

    @Override
    public byte[] headerBytes() {
        return NONE;
    }

    @Override
    public byte[] footerBytes() {
        return NONE;
    }
}
