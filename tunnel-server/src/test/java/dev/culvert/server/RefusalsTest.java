package dev.culvert.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.mux.HostPort;
import io.netty.util.concurrent.MockTicker;
import io.netty.util.concurrent.Ticker;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class RefusalsTest {
    private static final HostPort SOMEBODY = new HostPort("192.0.2.1", 1);

    private final MockTicker clock = Ticker.newMockTicker();
    private final Refusals refusals = new Refusals(clock);

    private boolean refuse() {
        return refusals.add("listen", SOMEBODY, "no key");
    }

    @Test
    void the_log_is_told_of_ten_in_ten_seconds() {
        for (int i = 0; i < Refusals.MOST; i++) {
            assertThat(refuse()).isTrue();
        }
        assertThat(refuse()).isFalse();

        clock.advance(9_999, TimeUnit.MILLISECONDS);
        assertThat(refuse()).isFalse();
        clock.advance(1, TimeUnit.MILLISECONDS);
        assertThat(refuse()).isTrue();
    }
}
