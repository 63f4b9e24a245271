package dev.culvert.common.splice;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.util.concurrent.Ticker;
import org.junit.jupiter.api.Test;

class ConnectionsTest {
    private final Connections connections = new Connections(Ticker.systemTicker());

    @Test
    void whoInventsForwardsLosesTheNamesOfItsOwnOnly() {
        for (int i = 0; i < 2_000; i++) {
            connections.tally("invented-" + i, "mallory").begin();
        }

        assertThat(connections.tallies())
                .hasSize(101)
                .filteredOn(tally -> tally.forward().equals("others"))
                .singleElement()
                .satisfies(others -> {
                    assertThat(others.client()).isEqualTo("mallory");
                    assertThat(others.begun()).isEqualTo(1_900);
                });
        Tally web = connections.tally("web", "alice");
        assertThat(web.forward()).isEqualTo("web");
        assertThat(web.client()).isEqualTo("alice");
        assertThat(connections.tally("web", "alice")).isSameAs(web);
    }

    /** Peers choose ids, and could take those of others. */
    @Test
    void eachHasAnIdOfItsOwn() {
        Connection first = connections.add("1", "web", "alice", "127.0.0.1:1", "db:1");
        Connection second = connections.add("1", "web", "mallory", "127.0.0.1:2", "db:1");
        assertThat(connections.find("1")).containsSame(first);
        assertThat(connections.find(second.id())).containsSame(second);

        first.close();
        assertThat(connections.live()).containsExactly(second);
        assertThat(connections.find("1")).isEmpty();
    }

    /** Each would have to be tried by a connection that is made here. */
    @Test
    void peersCannotTakeTheIdsThatComeNext() {
        String own = connections.newId();
        String next = own.replace("-1", "-3");

        assertThat(connections.idFor("theirs")).isEqualTo("theirs");
        assertThat(connections.idFor(next)).isNotEqualTo(next);
        assertThat(connections.newId()).isEqualTo(next);
    }

    @Test
    void whatIsExpectedHasANameHoweverMuchThereIs() {
        for (int i = 0; i < 2_000; i++) {
            connections.expect("forward-" + i);
        }

        assertThat(connections.tallies()).hasSize(2_000);
        assertThat(connections.tally("forward-1999", "").forward()).isEqualTo("forward-1999");
    }
}
