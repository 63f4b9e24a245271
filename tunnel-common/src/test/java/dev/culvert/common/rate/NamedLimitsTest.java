package dev.culvert.common.rate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.common.config.RateConfig;
import io.netty.util.concurrent.Ticker;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class NamedLimitsTest {
    private static final RateConfig SLOW = new RateConfig(Optional.of(1024L), Optional.empty());

    private final NamedLimits limits = new NamedLimits(Ticker.systemTicker());

    /** As at a reload: it accepts before all that is new is set. */
    @Test
    void whoHasOneBeforeItIsSetHasItThen() {
        Limit early = limits.of("web");
        assertThat(early.up()).isNull();
        limits.set(Map.of("web", SLOW));
        assertThat(early.up()).isNotNull();
        assertThat(limits.of("web")).isSameAs(early);
    }

    @Test
    void whoHasOneOfANameThatGoesKeepsIt() {
        limits.set(Map.of("web", SLOW));
        Limit before = limits.of("web");
        limits.set(Map.of());
        assertThat(before.up()).isNotNull();
        assertThat(limits.of("web").up()).isNull();
    }
}
