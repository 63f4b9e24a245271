package dev.culvert.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.culvert.common.net.Acceptor;
import dev.culvert.common.net.AddressSet;
import dev.culvert.common.net.SocketFile;
import dev.culvert.common.net.Transport;
import dev.culvert.common.splice.Connections;
import dev.culvert.mux.HostPort;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Ticker;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What becomes of those who have connected when all offers are to end. */
class OffersDrainTest {
    private static final Duration LONG = Duration.ofHours(1);

    private final EventLoopGroup loops = Transport.best().newEventLoops(1, "loop");
    private final EventLoop loop = loops.next();
    private final Connections connections = new Connections(Ticker.systemTicker());
    private final OffersTest.FakeSockets sockets = new OffersTest.FakeSockets();
    private final Offers offers = new Offers(loop, connections, Ticker.systemTicker(), sockets);
    private final FakeOffer offer = new FakeOffer("web", null, "a", 1, false, ended -> {});
    private int port;

    @BeforeEach
    void aListenerThatIsOffered() throws Exception {
        offers.configure(
                List.of(new ListenerConfig(
                        "web", new HostPort("127.0.0.1", 0), SocketFile.USUAL, AddressSet.NONE, 10, false)),
                LONG);
        offer.ready = false; // as a session that is full
        offers.add(offer);
        loopIsThere();
        Acceptor acceptor = Acceptor.listen(
                Transport.best(),
                loop,
                "listeners.web",
                new HostPort("127.0.0.1", 0),
                SocketFile.USUAL,
                10,
                (from, channel) -> offers.arrive(sockets.opened.get(0), from, channel));
        acceptor.begin();
        port = ((HostPort) acceptor.address()).port();
    }

    @AfterEach
    void stop() {
        loops.shutdownGracefully(0, 0, TimeUnit.MILLISECONDS).syncUninterruptibly();
    }

    /** What it was told before is done. */
    private void loopIsThere() throws InterruptedException {
        loop.submit(() -> {}).await();
    }

    /** Somebody who waits for a session. */
    private Socket connect() throws Exception {
        Socket socket = new Socket(InetAddress.getLoopbackAddress(), port);
        await().until(() -> connections.size() == 1);
        return socket;
    }

    @Test
    @SuppressWarnings("try") // connected, that is all
    void theyStandUntilThoseWhoHaveConnectedAreServed() throws Exception {
        try (Socket socket = connect()) {
            offers.drain();
            Future<?> ended = offers.end(LONG);
            loopIsThere();
            assertThat(ended.isDone()).isFalse();
            assertThat(offer.end).isEmpty();

            offer.ready = true;
            offers.serve(offer);

            assertThat(ended.await(10, TimeUnit.SECONDS)).isTrue();
            assertThat(offer.taken).hasValue(1);
            assertThat(offer.end).isEqualTo("draining: this agent is shutting down");
        }
    }

    @Test
    void theyEndAtLatestWhenTheirTimeIsOver() throws Exception {
        try (Socket socket = connect()) {
            offers.drain();

            assertThat(offers.end(Duration.ofMillis(1)).await(10, TimeUnit.SECONDS))
                    .isTrue();
            assertThat(offer.end).isNotEmpty();
            assertThatThrownBy(() -> socket.getInputStream().read())
                    .isInstanceOf(SocketException.class)
                    .hasMessageContaining("reset");
        }
    }

    @Test
    void theyEndWhenTheLastOneThatCouldServeThemHasGone() throws Exception {
        try (Socket socket = connect()) {
            offers.drain();
            Future<?> ended = offers.end(LONG);
            offers.remove(offer);

            assertThat(ended.await(10, TimeUnit.SECONDS)).isTrue();
            assertThat(offer.taken).hasValue(0);
            assertThatThrownBy(() -> socket.getInputStream().read()).isInstanceOf(SocketException.class);
        }
    }

    @Test
    void theyEndAtOnceWhereNobodyWaits() throws Exception {
        offers.drain();
        Future<?> ended = offers.end(LONG);
        loopIsThere();
        assertThat(ended.isDone()).isTrue();
    }
}
