package dev.culvert.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.util.NetUtil;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class HandshakesTest {
    private final List<String> gone = new ArrayList<>();
    private final Handshakes handshakes = new Handshakes(3);

    private Handshakes.Waiting enter(String name, String from) {
        Handshakes.Waiting waiting = new Handshakes.Waiting() {
            @Override
            public InetAddress source() {
                return Objects.requireNonNull(NetUtil.createInetAddressFromIpAddressString(from));
            }

            @Override
            public void makeRoom() {
                gone.add(name);
            }
        };
        handshakes.add(waiting);
        return waiting;
    }

    @Test
    void theOldestMakesRoom() {
        enter("a", "192.0.2.1");
        enter("b", "192.0.2.2");
        enter("c", "192.0.2.3");
        assertThat(gone).isEmpty();

        enter("d", "192.0.2.4");
        enter("e", "192.0.2.5");
        assertThat(gone).containsExactly("a", "b");
    }

    @Test
    void whoIsDoneMakesRoomByItself() {
        Handshakes.Waiting a = enter("a", "192.0.2.1");
        enter("b", "192.0.2.1");
        enter("c", "192.0.2.2");
        handshakes.remove(a);
        handshakes.remove(a);
        enter("d", "192.0.2.2");
        assertThat(gone).isEmpty();

        enter("e", "192.0.2.2");
        assertThat(gone).containsExactly("c");
    }

    /** It only takes the places of its own connections, however fast they come. */
    @Test
    void oneHostDoesNotKeepOthersOut() {
        enter("slow", "198.51.100.1");
        for (int i = 1; i <= 1_000; i++) {
            enter("flood" + i, "192.0.2.1");
        }

        assertThat(gone).hasSize(998).startsWith("flood1", "flood2").doesNotContain("slow");
    }

    /** They may be behind one address translation, and have just begun. */
    @Test
    void twoOfOneHostAreNotManyAmongSilentOnes() {
        handshakes.limit(20);
        for (int i = 1; i <= 18; i++) {
            enter("silent" + i, "192.0.2." + i);
        }
        enter("home1", "198.51.100.1");
        enter("home2", "198.51.100.1");
        enter("silent19", "192.0.2.19");
        assertThat(gone).containsExactly("silent1");
    }

    @Test
    void aNetworkOfIpv6IsOneHost() {
        enter("slow", "2001:db8:0:1::1");
        enter("flood1", "2001:db8:0:2::1");
        enter("flood2", "2001:db8:0:2:ffff::2");
        enter("flood3", "2001:db8:0:2::3");
        assertThat(gone).containsExactly("flood1");
    }

    @Test
    void fewerPlacesAreTakenBackAsOthersCome() {
        enter("a", "192.0.2.1");
        enter("b", "192.0.2.1");
        handshakes.limit(1);
        enter("c", "192.0.2.2");
        assertThat(gone).containsExactly("a", "b");
    }
}
