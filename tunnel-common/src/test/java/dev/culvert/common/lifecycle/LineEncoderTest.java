package dev.culvert.common.lifecycle;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.LoggingEvent;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneId;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class LineEncoderTest {
    private final LoggerContext context = new LoggerContext();

    private String line(LineEncoder encoder, String time, Level level, @Nullable Throwable thrown) {
        LoggingEvent event =
                new LoggingEvent("", context.getLogger("test"), level, "{} of {}", thrown, new Object[] {"one", "two"});
        event.setInstant(Instant.parse(time));
        return new String(encoder.encode(event), StandardCharsets.UTF_8);
    }

    @Test
    void aLineHasTimeLevelAndMessage() {
        LineEncoder utc = new LineEncoder(ZoneId.of("UTC"));
        assertThat(line(utc, "2026-01-31T12:00:00.001Z", Level.INFO, null))
                .isEqualTo("2026-01-31T12:00:00.001Z INFO  one of two\n");
        assertThat(line(utc, "2026-01-31T12:00:00.001Z", Level.ERROR, null))
                .isEqualTo("2026-01-31T12:00:00.001Z ERROR one of two\n");
        assertThat(line(utc, "2026-01-31T12:00:00.002Z", Level.WARN, null))
                .isEqualTo("2026-01-31T12:00:00.002Z WARN  one of two\n");
    }

    @Test
    void theTimeIsThatOfTheZone() {
        LineEncoder india = new LineEncoder(ZoneId.of("Asia/Kolkata"));
        assertThat(line(india, "2026-01-31T23:00:00Z", Level.INFO, null)).startsWith("2026-02-01T04:30:00.000+05:30 ");
    }

    @Test
    void whatWasThrownIsShownBelow() {
        String lines = line(
                new LineEncoder(),
                "2026-01-31T12:00:00Z",
                Level.ERROR,
                new IllegalStateException("outer", new IllegalArgumentException("inner")));
        assertThat(lines.lines())
                .anyMatch(line -> line.equals("java.lang.IllegalStateException: outer"))
                .anyMatch(line -> line.contains("at dev.culvert.common.lifecycle.LineEncoderTest"))
                .anyMatch(line -> line.equals("Caused by: java.lang.IllegalArgumentException: inner"));
        assertThat(lines).endsWith("\n");
    }
}
