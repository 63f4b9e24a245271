package dev.culvert.common.lifecycle;

import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import ch.qos.logback.core.encoder.EncoderBase;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;

/** One of the formats of the log. For one thread. */
abstract class StringEncoder extends EncoderBase<ILoggingEvent> {
    private static final byte[] NONE = {};

    /** What is written for an event, with a line feed at the end. */
    abstract String lines(ILoggingEvent event);

    @Override
    public final byte[] encode(ILoggingEvent event) {
        return lines(event).getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public final byte[] headerBytes() {
        return NONE;
    }

    @Override
    public final byte[] footerBytes() {
        return NONE;
    }

    /** What was thrown, in lines; empty if nothing was. */
    static String stackOf(ILoggingEvent event) {
        IThrowableProxy thrown = event.getThrowableProxy();
        return thrown == null ? "" : ThrowableProxyUtil.asString(thrown);
    }

    /** Times as RFC 3339 has them. */
    static final class Clock {
        private final DateTimeFormatter times;
        private long lastMillis = Long.MIN_VALUE;
        private String lastTime = "";

        Clock(ZoneId zone) {
            times = DateTimeFormatter.ofPattern("yyyy-MM-dd'T'HH:mm:ss.SSSXXX").withZone(zone);
        }

        /** Lines that come in thousands often have the same one. */
        String time(ILoggingEvent event) {
            long millis = event.getTimeStamp();
            if (millis != lastMillis) {
                lastMillis = millis;
                lastTime = times.format(Instant.ofEpochMilli(millis));
            }
            return lastTime;
        }
    }
}
