package dev.culvert.common.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.culvert.mux.Address;
import dev.culvert.mux.HostPort;
import io.netty.channel.EventLoopGroup;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ListenersTest {
    private final EventLoopGroup loops = Transport.NIO.newEventLoops(1, "loop");
    private final Listeners<Web> listeners =
            new Listeners<>(Transport.NIO, loops.next(), List.of(), (place, acceptor, channel) -> channel.close());

    private record Web(Address listen) implements Listeners.Place {
        @Override
        public String place() {
            return "forwards.web";
        }

        @Override
        public int mostConnections() {
            return 1;
        }

        @Override
        public String describe() {
            return "web";
        }
    }

    @AfterEach
    void stop() {
        listeners.close();
        loops.shutdownGracefully(0, 0, TimeUnit.MILLISECONDS);
    }

    @Test
    void aSocketThatWillBeInTheWayIsForeseen() throws Exception {
        listeners.set(List.of(new Web(new HostPort("127.0.0.1", 0))));
        int port = ((HostPort) listeners.leaving(List.of()).values().iterator().next()).port();
        Web everywhere = new Web(new HostPort("0.0.0.0", port));
        String why = "forwards.web: cannot listen on 0.0.0.0:%d: forwards.web listens on 127.0.0.1:%d until then."
                        .formatted(port, port)
                + " Take another port, or restart.";

        assertThat(listeners.obstacle(List.of(everywhere))).contains(why);
        assertThatThrownBy(() -> listeners.set(List.of(everywhere)))
                .isInstanceOf(IOException.class)
                .hasMessage(why);
        assertThat(listeners.obstacle(List.of(new Web(new HostPort("127.0.0.1", port)))))
                .isEqualTo(Optional.empty());
        assertThat(listeners.obstacle(List.of(new Web(new HostPort("127.0.0.2", port)))))
                .isEqualTo(Optional.empty());
    }
}
