package dev.culvert.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class HandshakesTest {
    private final List<String> gone = new ArrayList<>();
    private final Handshakes handshakes = new Handshakes(2);

    private Handshakes.Waiting enter(String name) {
        Handshakes.Waiting waiting = () -> gone.add(name);
        handshakes.add(waiting);
        return waiting;
    }

    @Test
    void the_oldest_makes_room() {
        enter("a");
        enter("b");
        assertThat(gone).isEmpty();
        enter("c");
        enter("d");
        assertThat(gone).containsExactly("a", "b");
    }

    @Test
    void who_is_done_makes_room_by_itself() {
        Handshakes.Waiting a = enter("a");
        enter("b");
        handshakes.remove(a);
        enter("c");
        assertThat(gone).isEmpty();
        enter("d");
        assertThat(gone).containsExactly("b");
    }
}
