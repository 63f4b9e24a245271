package dev.culvert.server;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.common.lifecycle.OfferStatus;
import dev.culvert.common.net.AddressSet;
import dev.culvert.common.net.SocketFile;
import dev.culvert.common.net.Transport;
import dev.culvert.common.splice.Connections;
import dev.culvert.mux.HostPort;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.util.concurrent.MockTicker;
import io.netty.util.concurrent.Ticker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Who has which listener; ReverseTest has what becomes of connections. */
class OffersTest {
    private static final HostPort OWN = new HostPort("127.0.0.1", 9001);
    private static final ListenerConfig WEB = listener("web", 8080);

    private final MockTicker ticker = Ticker.newMockTicker();
    private final EmbeddedChannel loop =
            EmbeddedChannel.builder().ticker(ticker).build();
    private final FakeSockets sockets = new FakeSockets();
    private final Offers offers = new Offers(loop.eventLoop(), new Connections(ticker), ticker, sockets);

    private static ListenerConfig listener(String name, int port) {
        return new ListenerConfig(name, new HostPort("0.0.0.0", port), SocketFile.USUAL, AddressSet.NONE, 10, false);
    }

    /** What is asked for, in order, and answered by the test. */
    static final class FakeSockets implements Offers.Sockets {
        final List<String> asked = new ArrayList<>();
        final List<Consumer<@Nullable String>> waiting = new ArrayList<>();
        final List<Offers.Offered> opened = new ArrayList<>();

        @Override
        public void open(Offers.Offered place, Consumer<@Nullable String> done) {
            asked.add("open " + place.place() + " " + place.listen());
            opened.add(place);
            waiting.add(done);
        }

        @Override
        public void replace(List<Offers.Move> moves) {
            asked.add(moves.stream()
                    .map(move -> move.before().listen() + " " + move.place().listen())
                    .sorted()
                    .collect(joining(", ", "replace ", "")));
            moves.forEach(move -> waiting.add(move.done()));
        }

        @Override
        public void close(Offers.Offered place) {
            asked.add("close " + place.place());
        }
    }

    private FakeOffer offer(String listener, @Nullable HostPort own, String client, long process) {
        return add(new FakeOffer(listener, own, client, process, false, offers::remove));
    }

    private FakeOffer reserve(String client, long process) {
        return add(new FakeOffer("web", null, client, process, true, offers::remove));
    }

    private FakeOffer add(FakeOffer offer) {
        offers.add(offer);
        loop.runPendingTasks();
        return offer;
    }

    private FakeOffer web(String client, long process) {
        return offer("web", null, client, process);
    }

    private void answer(@Nullable String failure) {
        sockets.waiting.remove(0).accept(failure);
        loop.runPendingTasks();
    }

    private void configure(ListenerConfig... listeners) {
        offers.configure(List.of(listeners), Duration.ofSeconds(10));
        loop.runPendingTasks();
    }

    @BeforeEach
    void aServerWithAListener() {
        configure(WEB);
    }

    @AfterEach
    void close() {
        loop.close();
    }

    @Test
    void theSocketIsOpenedForTheFirstOfferAndClosedAfterTheLast() {
        FakeOffer first = web("a", 1);
        assertThat(first.stands).hasValue(0);
        answer(null);
        FakeOffer second = web("b", 2);
        assertThat(first.stands.get() + second.stands.get()).isEqualTo(2);
        offers.remove(first);
        loop.runPendingTasks();
        assertThat(sockets.asked).containsExactly("open listeners.web 0.0.0.0:8080");

        offers.remove(second);
        loop.runPendingTasks();
        assertThat(sockets.asked).last().isEqualTo("close listeners.web");
    }

    @Test
    void whyItCanNotListenIsToldToAllWhoOfferItAndTheNextOneTriesAgain() {
        FakeOffer first = web("a", 1);
        FakeOffer second = web("b", 2);
        answer("it is taken");

        assertThat(List.of(first.end, second.end)).containsOnly("refused, not processed: it is taken");
        web("a", 1);
        assertThat(sockets.asked).last().isEqualTo("open listeners.web 0.0.0.0:8080");
    }

    @Test
    void anAnswerThatComesWhenNobodyOffersItAnyMoreChangesNothing() {
        offers.remove(web("a", 1));
        FakeOffer second = web("a", 1);
        answer("it is taken");
        assertThat(second.end).isEmpty();
        answer(null);
        assertThat(second.stands).hasValue(1);
    }

    @Test
    void aSocketIsNotOpenedForWhoHasGoneBeforeItsTurn() {
        EventLoopGroup loops = Transport.best().newEventLoops(1, "loop");
        OfferSockets real =
                new OfferSockets(Transport.best(), loops.next(), List.of(), (place, acceptor, channel) -> {});
        try {
            offers.remove(offer("web", new HostPort("127.0.0.1", 0), "a", 1));
            loop.runPendingTasks();
            CompletableFuture<Optional<String>> done = new CompletableFuture<>();
            real.open(sockets.opened.get(0), failure -> done.complete(Optional.ofNullable(failure)));

            assertThat(done.join()).isEmpty();
            assertThat(real.sockets()).isEmpty();
        } finally {
            real.end();
            loops.shutdownGracefully(0, 0, TimeUnit.MILLISECONDS).syncUninterruptibly();
        }
    }

    @Test
    void aNewerProcessTakesOverAndTheSessionsOfOneShare() {
        FakeOffer old = web("a", 1);
        answer(null);
        FakeOffer other = web("b", 1);
        FakeOffer one = web("a", 2);
        FakeOffer two = web("a", 2);

        assertThat(old.end).isEqualTo("cancelled: a newer process of this client offers it");
        assertThat(List.of(other.end, one.end, two.end)).containsOnly("");
        assertThat(sockets.asked).as("it listens all the time").hasSize(1);
        assertThat(offers.status())
                .containsExactly(new OfferStatus("web", "a", 2, false), new OfferStatus("web", "b", 1, false));
    }

    @Test
    void aReserveIsForWhenNoOtherProcessOfItsClientOffersTheSame() {
        web("b", 1);
        answer(null);
        FakeOffer young = web("a", 2);
        assertThat(reserve("a", 1).end).isEqualTo("cancelled: a newer process of this client offers it");

        offers.remove(young);
        FakeOffer old = reserve("a", 1);
        FakeOffer another = reserve("a", 1);
        assertThat(List.of(young.end, old.end, another.end)).containsOnly("");
        assertThat(old.stands.get() + another.stands.get()).isEqualTo(2);
        assertThat(reserve("a", 3).end).isNotEmpty();
        assertThat(web("a", 2).end).isEmpty();
        assertThat(List.of(old.end, another.end)).containsOnly("cancelled: a newer process of this client offers it");
    }

    @Test
    void aReserveIsAlsoForWhileTheNewerProcessHasLostItsLink() {
        FakeOffer young = web("a", 2);
        answer(null);
        young.ready = false;
        FakeOffer old = reserve("a", 1);
        assertThat(old.stands).hasValue(1);
        assertThat(young.end).as("it may come back").isEmpty();

        young.ready = true;
        offers.serve(young);
        loop.runPendingTasks();
        assertThat(old.end).isEqualTo("cancelled: a newer process of this client offers it");
        assertThat(young.end).isEmpty();
        assertThat(sockets.asked).as("it listens all the time").hasSize(1);
    }

    @Test
    void anAnonymousClientWithoutAKeyIsNobodysSuccessor() {
        FakeOffer old = web("", 1);
        web("", 2);
        assertThat(old.end).isEmpty();
    }

    @Test
    void theOldProcessHoldsNeitherTheNameAtAnotherAddressNorTheAddressByAnotherName() {
        FakeOffer name = offer("web", OWN, "a", 1);
        FakeOffer address = offer("old", new HostPort("127.0.0.1", 9002), "a", 1);
        FakeOffer rest = offer("rest", new HostPort("127.0.0.1", 9003), "a", 1);
        offer("web", new HostPort("127.0.0.1", 9002), "a", 2);

        assertThat(name.end).isNotEmpty();
        assertThat(address.end).isNotEmpty();
        assertThat(rest.end).isEmpty();
        assertThat(sockets.asked.subList(3, 6))
                .containsExactlyInAnyOrder("close offers.web", "close offers.old", "open offers.web 127.0.0.1:9002")
                .last()
                .isEqualTo("open offers.web 127.0.0.1:9002");
    }

    @Test
    void whatIsNoListenerIsSaidToBeNone() {
        assertThat(offer("mail", null, "a", 1).end).isEqualTo("forbidden: this server has no listener mail");
        assertThat(sockets.asked).isEmpty();
    }

    @Test
    void aListenerMovesAndGoesWithItsConfiguration() {
        FakeOffer offer = web("a", 1);
        answer(null);
        configure(listener("web", 8081));
        assertThat(sockets.asked).last().isEqualTo("replace 0.0.0.0:8080 0.0.0.0:8081");
        answer(null);
        assertThat(offer.end).isEmpty();

        configure();
        assertThat(offer.end).isEqualTo("forbidden: this server has no listener web");
        assertThat(sockets.asked).last().isEqualTo("close listeners.web");
    }

    @Test
    void listenersMoveTogetherAndAfterThoseThatGo() {
        configure(WEB, listener("mail", 8025), listener("old", 8000));
        web("a", 1);
        offer("mail", null, "a", 1);
        offer("old", null, "a", 1);
        configure(listener("web", 8025), listener("mail", 8000));

        assertThat(sockets.asked.subList(3, 5))
                .containsExactly("close listeners.old", "replace 0.0.0.0:8025 0.0.0.0:8000, 0.0.0.0:8080 0.0.0.0:8025");
    }

    @Test
    void whatNobodyOffersIsCountedAsWell() {
        assertThat(offers.status()).containsExactly(new OfferStatus("web", "", 0, false));
    }

    @Test
    void nothingIsOfferedToAnAgentThatDrains() {
        FakeOffer before = web("a", 1);
        offers.drain();
        offers.end(Duration.ZERO);
        loop.runPendingTasks();
        FakeOffer after = web("a", 1);

        assertThat(List.of(before.end, after.end)).containsOnly("draining: this agent is shutting down");
        assertThat(sockets.asked).as("all are closed together").hasSize(1);
    }
}
