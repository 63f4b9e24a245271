package dev.culvert.common.lifecycle;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.util.concurrent.MockTicker;
import io.netty.util.concurrent.Ticker;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class RatesTest {
    private final MockTicker ticker = Ticker.newMockTicker();
    private final Rates rates = new Rates(ticker);

    private long look(long value) {
        Rates.Look look = rates.look();
        long rate = look.perSecond("counter", value);
        rates.done(look);
        return rate;
    }

    @Test
    void aRateIsWhatCameSinceTheLastLookASecondAgo() {
        ticker.advance(2, TimeUnit.SECONDS);
        assertThat(look(1000)).isEqualTo(500);
        ticker.advance(1, TimeUnit.SECONDS);
        assertThat(look(1300)).isEqualTo(300);
    }

    /** Two who look in turn do not take each other's time. */
    @Test
    void aLookTooSoonIsNotTheBeginningOfTheNext() {
        ticker.advance(1, TimeUnit.SECONDS);
        look(1000);
        ticker.advance(500, TimeUnit.MILLISECONDS);
        assertThat(look(1100)).isEqualTo(200);
        ticker.advance(500, TimeUnit.MILLISECONDS);
        assertThat(look(1400)).isEqualTo(400);
    }

    @Test
    void whatIsNoLongerLookedAtIsForgotten() {
        ticker.advance(1, TimeUnit.SECONDS);
        look(1000);
        ticker.advance(1, TimeUnit.SECONDS);
        rates.done(rates.look());
        ticker.advance(1, TimeUnit.SECONDS);
        assertThat(look(70)).isEqualTo(70);
    }
}
