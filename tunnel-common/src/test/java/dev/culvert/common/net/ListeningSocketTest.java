package dev.culvert.common.net;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.mux.Address;
import org.junit.jupiter.api.Test;

class ListeningSocketTest {
    private record At(String place, Address listen) implements Listeners.Place {
        static At of(String place, String listen) {
            return new At(place, Address.parse(listen));
        }

        @Override
        public int mostConnections() {
            return 1;
        }

        @Override
        public String describe() {
            return place;
        }
    }

    @Test
    void isForWhatListensOnItsAddressWhateverThatIsCalledNow() {
        ListeningSocket socket = new ListeningSocket("forwards.web", "127.0.0.1:8080", 7);

        assertThat(socket.fits(At.of("forwards.web", "127.0.0.1:8080"))).isTrue();
        assertThat(socket.fits(At.of("forwards.page", "127.0.0.1:8080"))).isTrue();
        assertThat(socket.fits(At.of("forwards.web", "127.0.0.1:8081"))).isFalse();
        assertThat(socket.fits(At.of("forwards.web", "127.0.0.2:8080"))).isFalse();
    }

    @Test
    void isForAPlaceOfItsNameWhereThePortDoesNotMatter() {
        ListeningSocket socket = new ListeningSocket("forwards.web", "127.0.0.1:41234", 7);

        assertThat(socket.fits(At.of("forwards.web", "127.0.0.1:0"))).isTrue();
        assertThat(socket.fits(At.of("forwards.db", "127.0.0.1:0"))).isFalse();
    }

    @Test
    void ofSystemdIsForThePlaceOfItsNameWhereverThatIsToListen() {
        ListeningSocket socket = new ListeningSocket("listen", "", 3);

        assertThat(socket.fits(At.of("listen", "127.0.0.1:7443"))).isTrue();
        assertThat(socket.fits(At.of("smux.old", "127.0.0.1:7443"))).isFalse();
    }

    @Test
    void onAnyAddressOfIpv6IsForThat() {
        ListeningSocket socket = new ListeningSocket("listen", "[::]:7443", 7);

        assertThat(socket.fits(At.of("listen", "[::]:7443"))).isTrue();
        assertThat(socket.fits(At.of("listen", "[::1]:7443"))).isFalse();
    }

    @Test
    void ofAUnixSocketIsForWhatListensThere() {
        ListeningSocket socket = new ListeningSocket("forwards.app", "unix:/run/app.sock", 7);

        assertThat(socket.fits(At.of("forwards.other", "unix:/run/app.sock"))).isTrue();
        assertThat(socket.fits(At.of("forwards.app", "unix:@app"))).isFalse();
    }
}
