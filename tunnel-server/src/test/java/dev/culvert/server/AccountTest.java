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
    void a_client_has_its_number_of_sessions() {
        assertThat(laptop.openSession()).isNull();
        assertThat(laptop.openSession()).isNull();
        assertThat(laptop.openSession()).isEqualTo("client laptop has 2 sessions, the most it may have");
        laptop.closeSession();
        assertThat(laptop.openSession()).isNull();
    }

    @Test
    void a_session_that_has_lost_its_link_leaves_its_place_to_another_and_takes_one_among_those_that_have() {
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
    void a_session_that_has_a_link_again_takes_a_place_among_the_sessions_and_leaves_the_one_it_had() {
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
    void a_session_that_is_not_waited_for_any_more_leaves_its_place_and_no_other() {
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
    void all_clients_together_have_the_number_of_the_server() {
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
    void what_is_refused_is_not_counted() {
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
    void opens_and_dials_have_a_rate() {
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
    void a_client_that_is_configured_again_keeps_what_it_has() {
        laptop.openSession();
        Account again = accounts.of("laptop", new Quota(1, 2, 2, 1, 1 << 20));
        assertThat(again).isSameAs(laptop);
        assertThat(again.openSession()).isEqualTo("client laptop has 1 sessions, the most it may have");
    }

    @Test
    void a_client_that_is_gone_begins_anew_and_the_whole_still_counts_what_it_has() {
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
