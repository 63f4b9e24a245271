package dev.culvert.common.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.culvert.mux.Address;
import dev.culvert.mux.HostPort;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.unix.Socket;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ListenersTest {
    private final EventLoopGroup loops = Transport.NIO.newEventLoops(1, "loop");
    private final Listeners<Web> listeners = listeners(List.of());

    @TempDir
    private Path directory = Path.of("");

    private Listeners<Web> listeners(List<ListeningSocket> passed) {
        return new Listeners<>(Transport.NIO, loops.next(), passed, (place, acceptor, channel) -> channel.close());
    }

    private record Web(String place, Address listen, SocketFile socketFile) implements Listeners.Place {
        Web(String place, Address listen) {
            this(place, listen, SocketFile.USUAL);
        }

        Web(Address listen) {
            this("forwards.web", listen);
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
        loops.shutdownGracefully(0, 0, TimeUnit.MILLISECONDS).syncUninterruptibly();
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

    /** At a start the kernel would see to it. */
    @Test
    void oneSocketIsNotForTwo() throws Exception {
        Web any = new Web(new HostPort("127.0.0.1", 0));
        listeners.set(List.of(any));
        Web same = new Web(
                "forwards.same",
                listeners.leaving(List.of()).values().iterator().next());
        List<Web> both = List.of(any, same);
        String why =
                "forwards.same: cannot listen on %s: that is where forwards.web listens, on 127.0.0.1:0; give each its own address"
                        .formatted(same.listen);

        assertThat(listeners.obstacle(both)).contains(why);
        assertThatThrownBy(() -> listeners.set(both))
                .isInstanceOf(IOException.class)
                .hasMessage(why);
        assertThat(listeners.leaving(List.of())).containsOnlyKeys(any);
    }

    @Test
    void twoListenersTakeEachOthersAddresses() throws Exception {
        listeners.add(new Web("listeners.a", new HostPort("127.0.0.1", 0)));
        listeners.add(new Web("listeners.b", new HostPort("127.0.0.1", 0)));
        var before = List.copyOf(listeners.leaving(List.of()).entrySet());
        Web a = new Web("listeners.a", before.get(1).getValue());
        Web b = new Web("listeners.b", before.get(0).getValue());

        listeners.makeRoom(before.get(0).getKey(), a);
        listeners.makeRoom(before.get(1).getKey(), b);
        listeners.replace(before.get(0).getKey(), a);
        listeners.replace(before.get(1).getKey(), b);

        assertThat(listeners.leaving(List.of())).isEqualTo(Map.of(a, a.listen(), b, b.listen()));
    }

    /** As the process before this one has it. */
    private ListeningSocket passed(Path file) throws IOException {
        assumeTrue(Epoll.isAvailable(), "needs epoll");
        Socket socket = Socket.newSocketDomain();
        socket.bind(new DomainSocketAddress(file.toFile()));
        socket.listen(1);
        return new ListeningSocket("forwards.web", "unix:" + file, socket.intValue());
    }

    @Test
    void theFileOfASocketThatIsOfNoUseStaysUntilItIsOurs() throws Exception {
        Path file = directory.resolve("web.sock");
        Listeners<Web> given = listeners(List.of(passed(file)));
        given.letGo();
        assertThat(file).exists();
        assertThat(SocketFile.isAnswered(file)).as("it is closed").isFalse();

        Path other = directory.resolve("other.sock");
        given = listeners(List.of(passed(other)));
        given.begin();
        given.letGo();
        assertThat(other).doesNotExist();
    }

    @Test
    void aSocketThatIsOfNoUseSoFarIsPassedOn() throws Exception {
        Path file = directory.resolve("web.sock");
        ListeningSocket socket = passed(file);
        Listeners<Web> given = listeners(List.of(socket));
        given.begin();
        assertThat(given.sockets()).containsExactly(socket);

        given.handOver();
        given.letGo();
        assertThat(file).as("it is the next process's").exists();
        assertThat(given.sockets()).isEmpty();
    }

    @Test
    void aSocketThatCanNotBeGivenAwayIsClosed() throws Exception {
        Path file = directory.resolve("web.sock");
        ListeningSocket socket = passed(file);
        EventLoopGroup epoll = Transport.EPOLL.newEventLoops(1, "loop");
        try {
            Listeners<Web> given = new Listeners<>(
                    Transport.EPOLL, epoll.next(), List.of(socket), (place, acceptor, channel) -> channel.close());
            SocketFile nobodys =
                    new SocketFile(SocketFile.USUAL.permissions(), Optional.empty(), Optional.of("no-such-group"));

            assertThatThrownBy(() -> given.add(new Web("forwards.web", Address.parse("unix:" + file), nobodys)))
                    .hasMessageEndingWith("there is no group no-such-group on this machine");

            assertThat(SocketFile.isAnswered(file)).isFalse();
            assertThat(file).as("another process may have it").exists();
        } finally {
            epoll.shutdownGracefully(0, 0, TimeUnit.MILLISECONDS).syncUninterruptibly();
        }
    }

    @Test
    void aSocketWhoseFileIsGoneIsReplacedAndNotPassedOn() throws Exception {
        Path file = directory.resolve("web.sock");
        Web web = new Web("forwards.web", Address.parse("unix:" + file));
        EventLoopGroup epoll = Transport.EPOLL.newEventLoops(1, "loop");
        try {
            Listeners<Web> given = new Listeners<>(
                    Transport.EPOLL,
                    epoll.next(),
                    List.of(passed(file)),
                    (place, acceptor, channel) -> channel.close());
            given.set(List.of(web));
            given.begin();
            assertThat(given.missing(List.of(web))).isEmpty();
            Files.delete(file);
            assertThat(given.missing(List.of(web))).containsExactly(web);
            assertThat(given.sockets()).isEmpty();

            given.set(List.of(web));

            assertThat(SocketFile.isAnswered(file)).isTrue();
            assertThat(given.sockets()).hasSize(1);
            given.close();
            assertThat(file).doesNotExist();
        } finally {
            epoll.shutdownGracefully(0, 0, TimeUnit.MILLISECONDS).syncUninterruptibly();
        }
    }
}
