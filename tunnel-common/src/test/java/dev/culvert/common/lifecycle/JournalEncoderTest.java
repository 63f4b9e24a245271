package dev.culvert.common.lifecycle;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.LoggingEvent;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class JournalEncoderTest {
    private static String lines(Level level, String message, @Nullable Throwable thrown) {
        LoggingEvent event = new LoggingEvent("", new LoggerContext().getLogger("test"), level, message, thrown, null);
        return new String(new JournalEncoder().encode(event), StandardCharsets.UTF_8);
    }

    @Test
    void aLineHasThePriorityAndTheMessage() {
        assertThat(lines(Level.ERROR, "a", null)).isEqualTo("<3>a\n");
        assertThat(lines(Level.WARN, "a", null)).isEqualTo("<4>a\n");
        assertThat(lines(Level.INFO, "a", null)).isEqualTo("<6>a\n");
        assertThat(lines(Level.DEBUG, "a", null)).isEqualTo("<7>a\n");
        assertThat(lines(Level.TRACE, "a", null)).isEqualTo("<7>a\n");
    }

    @Test
    void soHasEachLineOfAMessageAndOfAStack() {
        assertThat(lines(Level.WARN, "one\ntwo\r\n\nfour", null)).isEqualTo("<4>one\n<4>two\n<4>\n<4>four\n");
        String stack = lines(Level.ERROR, "it failed", new IllegalStateException("because"));
        assertThat(stack.lines())
                .hasSizeGreaterThan(3)
                .allMatch(line -> line.startsWith("<3>"))
                .startsWith("<3>it failed", "<3>java.lang.IllegalStateException: because");
    }
}
