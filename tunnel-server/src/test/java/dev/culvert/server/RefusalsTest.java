package dev.culvert.server;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.culvert.mux.HostPort;
import io.netty.util.concurrent.MockTicker;
import io.netty.util.concurrent.Ticker;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;
import org.slf4j.event.KeyValuePair;

class RefusalsTest {
    private static final HostPort SOMEBODY = new HostPort("192.0.2.1", 1);

    private final MockTicker clock = Ticker.newMockTicker();
    private final Refusals refusals = new Refusals(clock);

    private boolean refuse() {
        return refusals.add("listen", Refusals.What.SESSION, "", SOMEBODY, "no key");
    }

    @Test
    void theLogIsToldOfTenInTenSeconds() {
        for (int i = 0; i < Refusals.MOST; i++) {
            assertThat(refuse()).isTrue();
        }
        assertThat(refuse()).isFalse();

        clock.advance(9_999, TimeUnit.MILLISECONDS);
        assertThat(refuse()).isFalse();
        clock.advance(1, TimeUnit.MILLISECONDS);
        assertThat(refuse()).isTrue();
    }

    /** As docs/logs.md has them. */
    @Test
    void aLineHasItsFieldsBesideIt() {
        Logger logger = (Logger) LoggerFactory.getLogger(Refusals.class);
        ListAppender<ILoggingEvent> lines = new ListAppender<>();
        lines.start();
        logger.addAppender(lines);
        try {
            refusals.add("listen", Refusals.What.STREAM, "laptop", SOMEBODY, "too many");
            for (int i = 0; i < Refusals.MOST; i++) {
                refuse();
            }
            clock.advance(10, TimeUnit.SECONDS);
            refuse();
        } finally {
            logger.detachAppender(lines);
        }
        assertThat(lines.list.get(0).getFormattedMessage())
                .isEqualTo("listen: refused a stream of laptop@192.0.2.1:1: too many");
        assertThat(lines.list.get(0).getKeyValuePairs())
                .extracting(KeyValuePair::toString)
                .containsExactly(
                        "event=\"refused\"",
                        "endpoint=\"listen\"",
                        "what=\"stream\"",
                        "client=\"laptop\"",
                        "peer=\"192.0.2.1:1\"",
                        "reason=\"too many\"");
        assertThat(lines.list.get(1).getFormattedMessage()).isEqualTo("listen: refused 192.0.2.1:1: no key");
        assertThat(lines.list.get(10).getFormattedMessage()).isEqualTo("listen: refused 1 more in the last 10 s");
        assertThat(lines.list.get(10).getKeyValuePairs())
                .extracting(KeyValuePair::toString)
                .containsExactly("event=\"refused_more\"", "endpoint=\"listen\"", "count=\"1\"", "seconds=\"10\"");
    }
}
