package dev.culvert.server;

import dev.culvert.common.net.ListenRule;
import dev.culvert.common.rate.Limits;
import dev.culvert.common.splice.Arrival;
import dev.culvert.common.splice.Connection;
import dev.culvert.mux.Address;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.MuxStream;
import dev.culvert.mux.OpenRequest;
import dev.culvert.mux.StreamListener;
import io.netty.buffer.ByteBuf;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.Future;
import java.security.PublicKey;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What one session offers, and the streams that are opened for it. Event loop of the session only, but for what
 * {@link Offer} has.
 */
final class SessionOffers {
    private static final Logger LOG = LoggerFactory.getLogger(SessionOffers.class);

    /** How often a session that offers something is looked at. */
    private static final long LOOK_SECONDS = 1;
    /** A client may think of any names. */
    private static final int MOST_REFUSED = 100;
    /** At the same time: each may be a listening socket. */
    private static final int MOST_STANDING = 1_000;

    private final EventLoop loop;
    private final Account account;
    private final Limits limits;
    private final Offers offers;
    private final Set<Standing> standing = new LinkedHashSet<>();
    /** Why, by what was offered: clients offer it again every few seconds. */
    private final Map<String, String> refused = new HashMap<>();

    private volatile boolean ready;
    private volatile boolean responsive = true;
    private @Nullable Future<?> looking;

    /** @param limits of the client's connections whose targets are on its side */
    SessionOffers(EventLoop loop, Account account, Limits limits, Offers offers) {
        this.limits = limits;
        this.loop = loop;
        this.account = account;
        this.offers = offers;
    }

    /**
     * A stream of the client that offers something, which is on its account.
     *
     * @param key that the client has shown
     */
    void take(MuxSession session, MuxStream stream, Client client, Optional<PublicKey> key, HostPort peer) {
        OpenRequest request = stream.request();
        Offer.Maker maker = new Offer.Maker(client.name(), key, request.process());
        Standing offer = new Standing(session, stream, maker, peer);
        stream.attach(offer);
        boolean isSecond = standing.stream().anyMatch(offer::isSame);
        standing.add(offer);
        if (isSecond) {
            offer.end(ErrorCode.LIMIT_REACHED, "this session offers it already");
            return;
        }
        String refusal = standing.size() > MOST_STANDING
                ? "this session has %d offers, the most it may have".formatted(MOST_STANDING)
                : account.offer();
        if (refusal != null) {
            offer.end(ErrorCode.LIMIT_REACHED, refusal);
            return;
        }
        if (!client.offers().covers(request)) {
            offer.forbid();
            return;
        }
        if (looking == null) {
            looking = loop.scheduleWithFixedDelay(() -> adjust(session), LOOK_SECONDS, LOOK_SECONDS, TimeUnit.SECONDS);
        }
        adjust(session);
        offers.add(offer);
    }

    /** Something may have changed in whether the session takes streams. */
    void adjust(MuxSession session) {
        boolean was = ready;
        ready = session.isOpenable();
        responsive = ready && session.isResponsive();
        if (ready && !was) {
            standing.forEach(offers::serve);
        }
    }

    int size() {
        return standing.size();
    }

    /** What the client may offer has changed. */
    void check(Client client) {
        for (Standing offer : List.copyOf(standing)) {
            if (!client.offers().covers(offer.stream.request())) {
                offer.forbid();
            }
        }
    }

    /** One of them. */
    private final class Standing implements Offer, StreamListener {
        private final MuxSession session;
        private final MuxStream stream;
        private final Maker maker;
        private final HostPort peer;
        private final @Nullable HostPort own;
        private final AtomicInteger load = new AtomicInteger();
        private volatile long lastTaken;
        private boolean told;

        Standing(MuxSession session, MuxStream stream, Maker maker, HostPort peer) {
            this.session = session;
            this.stream = stream;
            this.maker = maker;
            this.peer = peer;
            // No rule covers a unix socket.
            own = stream.request().target() instanceof HostPort tcp ? ListenRule.normal(tcp) : null;
        }

        // ---- for those who look for one

        @Override
        public String listener() {
            return stream.request().forward();
        }

        @Override
        public @Nullable HostPort own() {
            return own;
        }

        @Override
        public Maker maker() {
            return maker;
        }

        @Override
        public boolean isReserve() {
            return stream.request().reserve();
        }

        @Override
        public boolean isReady() {
            return ready;
        }

        @Override
        public boolean isResponsive() {
            return responsive;
        }

        @Override
        public boolean isStandby() {
            return false;
        }

        @Override
        public int load() {
            return load.get();
        }

        @Override
        public long lastTaken() {
            return lastTaken;
        }

        @Override
        public void take(Arrival arrival, Consumer<Arrival> elsewhere, Consumer<Boolean> done) {
            lastTaken = loop.ticker().nanoTime();
            load.incrementAndGet();
            loop.execute(() -> {
                if (!session.isOpenable()) {
                    ready = false;
                    load.decrementAndGet();
                    done.accept(false);
                    return;
                }
                String refusal = account.openStream();
                if (refusal == null) {
                    open(arrival, elsewhere, done);
                } else {
                    load.decrementAndGet();
                    elsewhere.accept(arrival.refused(this, refusal));
                    done.accept(true);
                }
            });
        }

        private void open(Arrival arrival, Consumer<Arrival> elsewhere, Consumer<Boolean> done) {
            arrival.connection().assignTo(maker.client());
            arrival.connection().limitedBy(limits);
            arrival.open(
                    loop,
                    session,
                    () -> {
                        load.decrementAndGet();
                        account.closeStream();
                    },
                    reason -> elsewhere.accept(arrival.refused(this, reason)),
                    done);
            if (session.isNearlyUsedUp()) {
                session.goAway(ErrorCode.CANCELLED, "the stream ids of this session are nearly used up");
            }
        }

        @Override
        public void stands() {
            loop.execute(() -> {
                if (standing.contains(this) && !told) {
                    told = true;
                    refused.remove(what());
                    stream.accept();
                    LOG.atInfo()
                            .addKeyValue("event", "offer_up")
                            .addKeyValue("listener", Connection.word(listener()))
                            .addKeyValue("client", maker.client())
                            .addKeyValue("peer", peer)
                            .log("{} takes the connections of {}", name(), what());
                }
            });
        }

        @Override
        public void withdraw(ErrorCode code, String reason) {
            loop.execute(() -> end(code, reason));
        }

        boolean isSame(Standing other) {
            return listener().equals(other.listener()) && Objects.equals(own(), other.own());
        }

        private String name() {
            return maker.client().isEmpty() ? peer.toString() : maker.client() + "@" + peer;
        }

        private String what() {
            String name = Connection.word(listener());
            return own == null ? "listeners." + name : "offers." + name + " on " + own;
        }

        // ---- the stream

        void forbid() {
            Address listen = stream.request().target();
            end(
                    ErrorCode.FORBIDDEN,
                    "nothing in offers of " + (maker.client().isEmpty() ? "anonymous" : maker.client()) + " covers "
                            + (listen == null ? Connection.word(listener()) : listen));
        }

        private void end(ErrorCode code, String reason) {
            if (standing.contains(this)) {
                stream.reset(code, reason);
                ended(code, reason);
            }
        }

        private void ended(ErrorCode code, String reason) {
            if (!standing.remove(this)) {
                return;
            }
            if (standing.isEmpty() && looking != null) {
                looking.cancel(false);
                looking = null;
            }
            offers.remove(this);
            account.closeStream();
            if (told) {
                LOG.atInfo()
                        .addKeyValue("event", "offer_ended")
                        .addKeyValue("listener", Connection.word(listener()))
                        .addKeyValue("client", maker.client())
                        .addKeyValue("peer", peer)
                        .addKeyValue("reason", code + ": " + reason)
                        .log("{} no longer takes the connections of {}: {}: {}", name(), what(), code, reason);
            } else if (code != ErrorCode.CANCELLED && isNews(code + ": " + reason)) {
                account.refusals().add("listen", Refusals.What.STREAM, maker.client(), peer, code + ": " + reason);
            }
        }

        /** Whether it was not refused for the same reason the last time. */
        private boolean isNews(String reason) {
            if (refused.size() == MOST_REFUSED) {
                refused.clear();
            }
            return !reason.equals(refused.put(what(), reason));
        }

        @Override
        public void onData(MuxStream from, ByteBuf data) {
            from.consumed(data.readableBytes()); // nothing is said on it
            data.release();
        }

        @Override
        public void onFin(MuxStream from) {
            from.shutdownOutput();
            ended(ErrorCode.CANCELLED, "withdrawn");
        }

        @Override
        public void onReset(MuxStream from, ErrorCode code, String text) {
            ended(code, text);
        }
    }
}
