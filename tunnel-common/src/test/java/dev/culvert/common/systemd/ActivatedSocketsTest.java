package dev.culvert.common.systemd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.common.net.ListeningSocket;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class ActivatedSocketsTest {
    @Test
    void socketsAreKnownByTheirNames() {
        assertThat(ActivatedSockets.fromEnvironment(
                        Map.of("LISTEN_PID", "7", "LISTEN_FDS", "2", "LISTEN_FDNAMES", "listen:smux.old"), 7))
                .containsExactly(new ListeningSocket("listen", "", 3), new ListeningSocket("smux.old", "", 4));
    }

    @Test
    void thoseOfAnotherProcessAreNotOurs() {
        assertThat(ActivatedSockets.fromEnvironment(
                        Map.of("LISTEN_PID", "8", "LISTEN_FDS", "1", "LISTEN_FDNAMES", "listen"), 7))
                .isEmpty();
        assertThat(ActivatedSockets.fromEnvironment(Map.of(), 7)).isEmpty();
        assertThat(ActivatedSockets.fromEnvironment(Map.of("LISTEN_PID", "7", "LISTEN_FDS", "many"), 7))
                .isEmpty();
    }
}
