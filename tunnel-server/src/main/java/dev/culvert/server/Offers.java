package dev.culvert.server;

import dev.culvert.common.lifecycle.OfferStatus;
import dev.culvert.common.net.Acceptor;
import dev.culvert.common.net.HeaderGate;
import dev.culvert.common.net.Listeners;
import dev.culvert.common.net.Origin;
import dev.culvert.common.net.SocketFile;
import dev.culvert.common.net.Transport;
import dev.culvert.common.splice.Arrival;
import dev.culvert.common.splice.Carriers;
import dev.culvert.common.splice.Connection;
import dev.culvert.common.splice.Connections;
import dev.culvert.common.splice.Hold;
import dev.culvert.common.splice.Prelude;
import dev.culvert.mux.Address;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.OpenRequest;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.DuplexChannel;
import io.netty.channel.socket.DuplexChannelConfig;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Promise;
import io.netty.util.concurrent.Ticker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What clients offer: each listener is there while at least one session offers to take its connections, so that without
 * any they are refused, as with a service that is down. A connection goes to the offer that carries the fewest. An
 * offer of a newer process of a client takes the place of what the older ones offer, whether these have been found to
 * be dead or not.
 *
 * <p>Any thread; what it knows belongs to the event loop that accepts.
 */
final class Offers {
    private static final Logger LOG = LoggerFactory.getLogger(Offers.class);

    private static final String NEWER = "a newer process of this client offers it";
    private static final String NOBODY = "nobody offers to take it any more";

    private final EventLoop loop;
    private final Connections connections;
    private final Ticker ticker;
    private final Sockets sockets;
    private final Map<Key, Listener> offered = new HashMap<>();
    /** The same offers. */
    private final OffersByClient byClient = new OffersByClient();
    /** Bytes in all the preludes. */
    private final AtomicLong preludes = new AtomicLong();

    private volatile Map<String, ListenerConfig> configured = Map.of();
    private Duration patience = Duration.ZERO;
    /** Connections whose PROXY header has not come. */
    private int hearing;

    private boolean closed;
    /** They end when those who have connected are served. */
    private boolean leaving;

    private final Promise<Void> ended;

    /** Opens and closes listening sockets, one after the other as it is told to. None of it blocks. */
    interface Sockets {
        /**
         * Listens.
         *
         * @param done told, on some thread, why it cannot be; null: it listens
         */
        void open(Offered place, Consumer<@Nullable String> done);

        /** As {@link #open} for each, instead of the one before; they may take each other's addresses. */
        void replace(List<Move> moves);

        /** Listens no more. */
        void close(Offered place);
    }

    /**
     * A listener that is to be elsewhere.
     *
     * @param done as {@link Sockets#open} has it
     */
    record Move(Offered before, Offered place, Consumer<@Nullable String> done) {}

    /**
     * Tells listeners apart.
     *
     * @param own null: the server's listener of that name
     */
    private record Key(String name, @Nullable HostPort own) {
        static Key of(Offer offer) {
            return new Key(offer.listener(), offer.own());
        }
    }

    /** A listener and the address that it has now. */
    record Offered(Listener listener, ListenerConfig config) implements Listeners.Place {
        /** Whether nobody offers it any more. Any thread. */
        boolean isGone() {
            return listener.gone;
        }

        @Override
        public String place() {
            return config.place();
        }

        @Override
        public Address listen() {
            return config.listen();
        }

        @Override
        public SocketFile socketFile() {
            return config.socketFile();
        }

        @Override
        public int mostConnections() {
            return config.maxConnections();
        }

        @Override
        public String describe() {
            return config.describe();
        }
    }

    Offers(EventLoop loop, Connections connections, Ticker ticker, Sockets sockets) {
        this.loop = loop;
        this.connections = connections;
        this.ticker = ticker;
        this.sockets = sockets;
        ended = loop.newPromise();
    }

    /** One listener, while there is an offer. */
    final class Listener {
        private final Key key;
        private final List<Offer> offers = new ArrayList<>();
        private final Carriers<Offer> carriers =
                new Carriers<>(loop, ticker, offers, () -> "no client that offers it has taken it in time");
        private Offered place;
        private boolean listens;
        private volatile boolean gone;

        Listener(Key key, ListenerConfig config) {
            this.key = key;
            place = new Offered(this, config);
        }

        private void add(Offer offer) {
            offers.add(offer);
            byClient.add(offer);
            if (listens) {
                offer.stands();
            }
            carriers.serveWaiting();
        }

        private void remove(Offer offer) {
            if (offers.remove(offer)) {
                byClient.remove(offer);
                if (offers.isEmpty()) {
                    close(ErrorCode.CONNECTION_REFUSED, NOBODY);
                }
            }
        }

        private void close(ErrorCode code, String reason) {
            gone = true;
            offered.remove(key);
            if (!closed) {
                sockets.close(place);
            }
            carriers.close(code, reason);
        }

        /** Those who offer it are told why there is none. */
        private void end(ErrorCode code, String reason) {
            List<Offer> all = List.copyOf(offers);
            offers.clear();
            close(code, reason);
            for (Offer offer : all) {
                byClient.remove(offer);
                offer.withdraw(code, reason);
            }
        }

        private void opened(@Nullable String failure) {
            loop.execute(() -> {
                if (offered.get(key) != this) {
                    return; // nobody offers it any more
                }
                if (failure != null) {
                    if (listens) { // until a reload
                        LOG.warn("not listening any more, and clients that offer to serve it are told: {}", failure);
                    }
                    end(ErrorCode.REFUSED, failure);
                } else {
                    listens = true;
                    offers.forEach(Offer::stands);
                }
            });
        }

        private Move to(ListenerConfig config) {
            Offered before = place;
            place = new Offered(this, config);
            return new Move(before, place, this::opened);
        }

        /**
         * Somebody has connected.
         *
         * @param config that it was accepted by
         */
        private void arrive(ListenerConfig config, Acceptor acceptor, DuplexChannel channel) {
            Origin origin = Origin.of(channel);
            if (origin == null) { // gone already
                channel.unsafe().closeForcibly();
                acceptor.release();
                return;
            }
            ((DuplexChannelConfig) channel.config()).setAllowHalfClosure(true);
            if (HeaderGate.isFor(config.proxies(), origin.from())) {
                hear(config, acceptor, channel, origin);
            } else {
                enter(acceptor, channel, origin);
            }
        }

        /** A load balancer has connected, and says first for whom. What comes after that is held. */
        private void hear(ListenerConfig config, Acceptor acceptor, DuplexChannel channel, Origin balancer) {
            hearing++;
            HeaderGate.Listener header = new HeaderGate.Listener() {
                @Override
                public void onHeader(@Nullable Origin said) {
                    channel.config().setAutoRead(false);
                    enter(acceptor, channel, said == null ? balancer : said);
                    heard();
                }

                @Override
                public void onFailed(String reason) {
                    LOG.info("{}: {} turned away: {}", config.place(), balancer.words(), reason);
                    acceptor.release();
                    heard();
                }
            };
            Runnable listen = () -> {
                HeaderGate.addTo(channel.pipeline(), Hold.PATIENCE, header);
                channel.pipeline().addLast(new Hold());
                Hold.readAtMost(channel, Hold.SHORT_READ);
                channel.config().setAutoRead(true);
            };
            Transport.register(loop, channel, listen, header::onFailed);
        }

        private void enter(Acceptor acceptor, DuplexChannel channel, Origin origin) {
            HostPort asked = origin.to() == null ? null : HostPort.of(origin.to());
            OpenRequest request = new OpenRequest(asked, origin.address(), connections.newId(), key.name);
            Connection connection =
                    connections.add(request.connectionId(), "reverse." + key.name, origin.words(), "client's");
            connection.onEnd(acceptor::release);
            carriers.assign(new Arrival(
                    channel, connection, request, ticker.nanoTime() + patience.toNanos(), new Prelude(preludes), null));
        }
    }

    /** These are the server's listeners from now on; a connection waits for a session at most so long. */
    void configure(List<ListenerConfig> listeners, Duration wait) {
        Map<String, ListenerConfig> next = new HashMap<>();
        listeners.forEach(listener -> next.put(listener.name(), listener));
        configured = Map.copyOf(next);
        loop.execute(() -> {
            patience = wait;
            if (closed) {
                return;
            }
            List<Move> moves = new ArrayList<>();
            for (Listener listener : List.copyOf(offered.values())) {
                ListenerConfig config = next.get(listener.key.name);
                if (listener.key.own != null) {
                    continue; // it is not the configuration's
                }
                if (config == null) {
                    listener.end(ErrorCode.FORBIDDEN, noSuch(listener.key.name));
                } else if (!config.equals(listener.place.config)) {
                    moves.add(listener.to(config));
                }
            }
            if (!moves.isEmpty()) {
                sockets.replace(moves); // when those that go have gone
            }
        });
    }

    private static String noSuch(String name) {
        return "this server has no listener " + name;
    }

    /** Hears whether it {@link Offer#stands}, or why not. */
    void add(Offer offer) {
        loop.execute(() -> {
            if (closed) {
                offer.withdraw(ErrorCode.DRAINING, "this agent is shutting down");
                return;
            }
            List<Offer> others = byClient.ofOtherProcesses(offer);
            if (offer.isReserve() && others.stream().anyMatch(Offer::isReady)) {
                offer.withdraw(ErrorCode.CANCELLED, NEWER);
                return;
            }
            Key key = Key.of(offer);
            Listener present = offered.get(key);
            if (present != null) {
                present.add(offer);
            }
            if (!offer.isReserve()) { // else they may come back
                others.forEach(this::replace);
            }
            if (present == null) {
                open(key, offer);
            }
        });
    }

    private void open(Key key, Offer offer) {
        ListenerConfig config = key.own == null ? configured.get(key.name) : ListenerConfig.own(key.name, key.own);
        if (config == null) {
            offer.withdraw(ErrorCode.FORBIDDEN, noSuch(key.name));
            return;
        }
        Listener listener = new Listener(key, config);
        offered.put(key, listener);
        listener.add(offer);
        sockets.open(listener.place, listener::opened);
    }

    /** It is theirs no more, who are older. */
    private void replace(Offer older) {
        Objects.requireNonNull(offered.get(Key.of(older))).remove(older);
        older.withdraw(ErrorCode.CANCELLED, NEWER);
    }

    /** It is over. */
    void remove(Offer offer) {
        loop.execute(() -> {
            Listener listener = offered.get(Key.of(offer));
            if (listener != null) {
                listener.remove(offer);
            }
        });
    }

    /** The session of {@code offer} may take connections again. */
    void serve(Offer offer) {
        loop.execute(() -> {
            Listener listener = offered.get(Key.of(offer));
            if (listener == null || !listener.offers.contains(offer)) {
                return;
            }
            if (!offer.isReserve()) {
                byClient.ofOtherProcesses(offer).stream()
                        .filter(Offer::isReserve)
                        .forEach(this::replace);
            }
            listener.carriers.serveWaiting();
        });
    }

    /** Somebody has connected. On the event loop that accepts. */
    void arrive(Offered place, Acceptor acceptor, DuplexChannel channel) {
        place.listener.arrive(place.config, acceptor, channel);
    }

    /** Takes no new ones, and opens and closes no sockets any more: whoever has these closes them all. */
    Future<?> drain() {
        return loop.submit(() -> {
            closed = true;
        });
    }

    /**
     * Ends all of them, when nobody connects any more: as soon as those are served who have, which takes their
     * sessions, and after {@code atLatest} in any case.
     */
    Future<?> end(Duration atLatest) {
        loop.execute(() -> {
            leaving = true;
            loop.schedule(this::endAll, atLatest.toNanos(), TimeUnit.NANOSECONDS);
            endIfServed();
        });
        return ended;
    }

    private void heard() {
        hearing--;
        endIfServed();
    }

    private void endIfServed() {
        if (!leaving || hearing > 0) {
            return;
        }
        for (Listener listener : offered.values()) {
            if (!listener.carriers.isServed()) {
                listener.carriers.whenServed(this::endIfServed); // then it is the next one's turn
                return;
            }
        }
        endAll();
    }

    private void endAll() {
        leaving = false;
        List.copyOf(offered.values())
                .forEach(listener -> listener.end(ErrorCode.DRAINING, "this agent is shutting down"));
        ended.trySuccess(null);
    }

    /** How many there are, with those that the configuration names and nobody offers. */
    List<OfferStatus> status() {
        return byClient.status(configured.keySet());
    }
}
