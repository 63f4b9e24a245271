package dev.culvert.common.lifecycle;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.LoggingEvent;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigParseOptions;
import com.typesafe.config.ConfigSyntax;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.slf4j.event.KeyValuePair;

class JsonEncoderTest {
    private static LoggingEvent event(String message, @Nullable Throwable thrown) {
        LoggingEvent event =
                new LoggingEvent("", new LoggerContext().getLogger("a.b"), Level.INFO, message, thrown, null);
        event.setInstant(Instant.parse("2026-01-31T12:00:00.001Z"));
        event.setThreadName("loop-1");
        return event;
    }

    private static String line(LoggingEvent event) {
        return new String(new JsonEncoder().encode(event), StandardCharsets.UTF_8);
    }

    private static Config parsed(String line) {
        return ConfigFactory.parseString(line, ConfigParseOptions.defaults().setSyntax(ConfigSyntax.JSON));
    }

    @Test
    void anEventIsAnObjectOnOneLine() {
        assertThat(line(event("hello", null)))
                .isEqualTo("{\"time\":\"2026-01-31T12:00:00.001Z\",\"level\":\"info\",\"logger\":\"a.b\","
                        + "\"thread\":\"loop-1\",\"message\":\"hello\"}\n");
    }

    @Test
    void fieldsOfAnEventAreBesideTheOthers() {
        LoggingEvent event = event("hello", null);
        event.addKeyValuePair(new KeyValuePair("event", "greeting"));
        event.addKeyValuePair(new KeyValuePair("count", 3));
        event.addKeyValuePair(new KeyValuePair("bytes", 1L << 40));
        event.addKeyValuePair(new KeyValuePair("polite", true));
        event.addKeyValuePair(new KeyValuePair("nobody", null));
        event.addKeyValuePair(new KeyValuePair("rate", Double.NaN));
        assertThat(line(event))
                .contains("\"event\":\"greeting\",\"count\":3,\"bytes\":1099511627776,\"polite\":true,\"nobody\":null,"
                        + "\"rate\":\"NaN\",\"message\":\"hello\"}");
    }

    @Test
    void whatWasThrownIsInOneString() {
        String line = line(event("it failed", new IllegalStateException("because")));
        assertThat(line.lines()).hasSize(1);
        assertThat(parsed(line).getString("error").lines())
                .startsWith("java.lang.IllegalStateException: because")
                .anyMatch(frame -> frame.startsWith("\tat dev.culvert.common.lifecycle.JsonEncoderTest"));
    }

    @Test
    void everyCharacterComesBackAsItWas() {
        StringBuilder all = new StringBuilder();
        for (int c = 0; c <= 0xffff; c++) {
            if (!Character.isSurrogate((char) c)) {
                all.append((char) c);
            }
        }
        all.appendCodePoint(0x1f600).appendCodePoint(Character.MAX_CODE_POINT);
        LoggingEvent event = event(all.toString(), null);
        event.addKeyValuePair(new KeyValuePair("\"key\"\n", "\"value\"\\"));

        String line = line(event);
        assertThat(line.strip().chars()).noneMatch(Character::isISOControl);
        assertThat(parsed(line).getString("message")).isEqualTo(all.toString());
        assertThat(parsed(line).root().unwrapped()).containsEntry("\"key\"\n", "\"value\"\\");
    }

    @Test
    void shortEscapesAreUsedWhereThereAreAny() {
        assertThat(line(event("\"\\\n\r\t\0\u001f\u007f", null)))
                .contains("\"message\":\"\\\"\\\\\\n\\r\\t\\u0000\\u001f\\u007f\"");
    }

    @Test
    void halfACharacterIsReplaced() {
        assertThat(parsed(line(event("a\ud83db\ude00c\ude00\ud83d", null))).getString("message"))
                .isEqualTo("a\ufffdb\ufffdc\ufffd\ufffd");
    }
}
