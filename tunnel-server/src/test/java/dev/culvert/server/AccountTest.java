package dev.culvert.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.util.concurrent.MockTicker;
import io.netty.util.concurrent.Ticker;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class AccountTest {
    private static final Quota MUCH = new Quota(1000, 1000, 1000, 1000, 1 << 30);

    private final MockTicker clock = Ticker.newMockTicker();
    private final Accounts accounts = new Accounts(new Quota(3, 3, 3, 3, 1 << 20), clock);
    private final Account laptop = accounts.of("laptop", new Quota(2, 2, 2, 1, 1 << 20));
    private final Account phone = accounts.of("phone", MUCH);

    @Test
    void aClientHasItsNumberOfSessions() {
        assertThat(laptop.openSession()).isNull();
        assertThat(laptop.openSession()).isNull();
        assertThat(laptop.openSession()).isEqualTo("client laptop has 2 sessions, the most it may have");
        laptop.closeSession();
        assertThat(laptop.openSession()).isNull();
    }

    @Test
    void aSessionThatHasLostItsLinkLeavesItsPlaceToAnotherAndTakesOneAmongThoseThatHave() {
        laptop.openSession();
        laptop.openSession();
        assertThat(laptop.keepSession()).isNull();
        assertThat(laptop.openSession()).isNull();
        assertThat(laptop.openSession()).isNotNull();
        assertThat(laptop.keepSession()).isNull();
        assertThat(laptop.keepSession())
                .isEqualTo("client laptop has 2 sessions that have lost their link, the most it may have");

        phone.openSession();
        phone.openSession();
        assertThat(phone.keepSession()).isNull();
        assertThat(phone.keepSession())
                .isEqualTo("this server has 3 sessions that have lost their link, the most it may have");
    }

    @Test
    void aSessionThatHasALinkAgainTakesAPlaceAmongTheSessionsAndLeavesTheOneItHad() {
        laptop.openSession();
        laptop.keepSession();
        assertThat(laptop.takeSession()).isNull();
        assertThat(laptop.openSession()).isNull();
        assertThat(laptop.openSession()).isNotNull();

        laptop.keepSession();
        laptop.openSession();
        assertThat(laptop.takeSession()).isEqualTo("client laptop has 2 sessions, the most it may have");
        assertThat(laptop.keepSession()).isNull();
        assertThat(laptop.keepSession()).isNull();
    }

    @Test
    void aSessionThatIsNotWaitedForAnyMoreLeavesItsPlaceAndNoOther() {
        laptop.openSession();
        laptop.openSession();
        laptop.keepSession();
        laptop.keepSession();
        laptop.forgetSession();
        laptop.openSession();
        laptop.openSession();
        assertThat(laptop.openSession()).isNotNull();
        assertThat(laptop.keepSession()).isNull();
        assertThat(laptop.keepSession()).isNotNull();
    }

    @Test
    void allClientsTogetherHaveTheNumberOfTheServer() {
        assertThat(laptop.openStream()).isNull();
        assertThat(phone.openStream()).isNull();
        assertThat(phone.openStream()).isNull();
        clock.advance(1, TimeUnit.SECONDS);
        assertThat(phone.openStream()).isEqualTo("this server has 3 streams, the most it may have");
        assertThat(laptop.openStream()).isEqualTo("this server has 3 streams, the most it may have");
        phone.closeStream();
        assertThat(laptop.openStream()).isNull();
    }

    @Test
    void whatIsRefusedIsNotCounted() {
        for (int i = 0; i < 10; i++) {
            phone.openSession();
        }
        for (int i = 0; i < 3; i++) {
            phone.closeSession();
        }
        assertThat(phone.openSession()).isNull();
        assertThat(laptop.openSession()).isNull();
        assertThat(laptop.openSession()).isNull();
    }

    @Test
    void opensAndDialsHaveARate() {
        assertThat(laptop.dial()).isNull();
        assertThat(laptop.dial()).isEqualTo("client laptop has 1 dials in a second, the most it may have");
        assertThat(laptop.openStream()).isNull();
        assertThat(laptop.openStream()).isNull();
        assertThat(laptop.openStream())
                .isEqualTo("client laptop has 2 streams opened in a second, the most it may have");

        clock.advance(500, TimeUnit.MILLISECONDS);
        assertThat(laptop.dial()).isNotNull();
        clock.advance(500, TimeUnit.MILLISECONDS);
        assertThat(laptop.dial()).isNull();
    }

    @Test
    void aClientIsMeasuredOnceAtATime() {
        assertThat(laptop.probe()).isNull();
        assertThat(laptop.probe()).isEqualTo("client laptop is being measured already");
        assertThat(phone.probe()).isNull();

        laptop.endProbe();
        assertThat(laptop.probe()).isNull();
    }

    @Test
    void aClientThatIsConfiguredAgainKeepsWhatItHas() {
        laptop.openSession();
        Account again = accounts.of("laptop", new Quota(1, 2, 2, 1, 1 << 20));
        assertThat(again).isSameAs(laptop);
        assertThat(again.openSession()).isEqualTo("client laptop has 1 sessions, the most it may have");
    }

    @Test
    void aClientThatIsGoneBeginsAnewAndTheWholeStillCountsWhatItHas() {
        laptop.openSession();
        laptop.openSession();
        accounts.retain(Set.of("phone"));
        Account anew = accounts.of("laptop", MUCH);
        assertThat(anew.openSession()).isNull();
        assertThat(anew.openSession()).isEqualTo("this server has 3 sessions, the most it may have");
        laptop.closeSession();
        assertThat(anew.openSession()).isNull();
    }
}
