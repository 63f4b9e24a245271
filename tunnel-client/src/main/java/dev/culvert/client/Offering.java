package dev.culvert.client;

import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.MuxStream;
import dev.culvert.mux.OpenRequest;
import dev.culvert.mux.StreamListener;
import io.netty.buffer.ByteBuf;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.Future;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * What is offered in one session, a stream for each: it goes on for as long as the stream is open, over a lost link,
 * too. What the server refuses is offered again after a pause. Any thread; all of it is done on the event loop of the
 * session.
 */
final class Offering {
    private static final Logger LOG = LoggerFactory.getLogger(Offering.class);

    private static final Duration SHORTEST_PAUSE = Duration.ofMillis(500);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(10);

    private final Reverse reverse;
    private final MuxSession session;
    private final EventLoop loop;
    private final String server;
    private final Map<String, Offer> offers = new HashMap<>();
    /** For whoever asks: what stands, and why something does not. */
    private final Set<String> standing = ConcurrentHashMap.newKeySet();

    private final Map<String, String> refusals = new ConcurrentHashMap<>();
    private @Nullable Runnable settled;
    private boolean withdrawn;

    /** @param settled run once, when all that is offered first has been answered */
    Offering(Reverse reverse, MuxSession session, EventLoop loop, String server, Runnable settled) {
        this.reverse = reverse;
        this.session = session;
        this.loop = loop;
        this.server = server;
        this.settled = settled;
    }

    /** Offers what is wanted now, and nothing else. */
    void update() {
        loop.execute(() -> {
            Map<String, Optional<HostPort>> wanted = withdrawn ? Map.of() : reverse.wanted();
            for (Offer offer : List.copyOf(offers.values())) {
                if (!offer.listen.equals(wanted.get(offer.name))) {
                    offer.end();
                }
            }
            wanted.forEach((name, listen) -> {
                if (!offers.containsKey(name)) {
                    Offer offer = new Offer(name, listen);
                    offers.put(name, offer);
                    offer.make();
                }
            });
            settleIfAnswered();
        });
    }

    /** Offers at once what was refused. */
    void tryAgain() {
        loop.execute(() -> List.copyOf(offers.values()).forEach(Offer::tryAgain));
    }

    /** Another session offers it. */
    void withdraw() {
        loop.execute(() -> {
            withdrawn = true;
            update();
        });
    }

    /**
     * The session has come back: what another one has offered in its place is for it to offer again.
     *
     * @param whenSettled run when that is answered, after what waits for the answers already
     */
    void offerAgain(Runnable whenSettled) {
        loop.execute(() -> {
            withdrawn = false;
            Runnable before = settled;
            settled = before == null
                    ? whenSettled
                    : () -> {
                        before.run();
                        whenSettled.run();
                    };
            update();
        });
    }

    /** The session has ended. */
    void end() {
        reverse.forget(this);
        withdraw();
    }

    /** How many streams it has. Event loop only. */
    int size() {
        return (int)
                offers.values().stream().filter(offer -> offer.stream != null).count();
    }

    boolean stands(String name) {
        return standing.contains(name);
    }

    Collection<String> refusals() {
        return refusals.values();
    }

    private void settleIfAnswered() {
        if (settled != null && offers.values().stream().allMatch(offer -> offer.answered)) {
            Runnable action = settled;
            settled = null;
            action.run();
        }
    }

    /** One of them. */
    private final class Offer implements StreamListener {
        private final String name;
        private final Optional<HostPort> listen;
        private final Backoff backoff = new Backoff(SHORTEST_PAUSE, LONGEST_PAUSE, new Random());
        private @Nullable MuxStream stream;
        private @Nullable Future<?> pause;
        private boolean answered;
        /** A newer process has it, or had: two would take it from each other for ever. */
        private boolean reserve;

        private String refusal = "";

        Offer(String name, Optional<HostPort> listen) {
            this.name = name;
            this.listen = listen;
        }

        void make() {
            pause = null;
            if (session.isOpenable()) {
                stream = session.open(OpenRequest.offer(name, listen.orElse(null), reverse.process(), reserve), this);
            } else {
                answered = true;
                later();
            }
        }

        /** A session that has ended, or takes no streams, is not asked again. */
        private void later() {
            if (!session.isClosed()) {
                pause = loop.schedule(this::make, backoff.next().toNanos(), TimeUnit.NANOSECONDS);
            }
        }

        void tryAgain() {
            if (stream == null && !session.isClosed()) {
                if (pause != null) {
                    pause.cancel(false);
                }
                make();
            }
        }

        void end() {
            offers.remove(name, this);
            standing.remove(name);
            refusals.remove(name);
            if (pause != null) {
                pause.cancel(false);
            }
            if (stream != null) {
                stream.reset(ErrorCode.CANCELLED, "withdrawn");
                LOG.info("reverse.{}: no longer offered to server {}", name, server);
            }
        }

        @Override
        public void onOpened(MuxStream from) {
            answered = true;
            refusal = "";
            backoff.reset();
            standing.add(name);
            refusals.remove(name);
            LOG.atInfo()
                    .addKeyValue("event", "offer_up")
                    .addKeyValue("listener", name)
                    .addKeyValue("peer", server)
                    .log("reverse.{}: server {} listens", name, server);
            settleIfAnswered();
        }

        @Override
        public void onReset(MuxStream from, ErrorCode code, String text) {
            stream = null;
            answered = true;
            standing.remove(name);
            if (!session.isClosed()) {
                tell(code, code + ": " + text);
            }
            settleIfAnswered();
        }

        private void tell(ErrorCode code, String reason) {
            if (code == ErrorCode.DRAINING) {
                return; // another session will be begun
            }
            boolean newer = code == ErrorCode.CANCELLED;
            boolean meant = newer && reverse.isHandedOver(); // this one only takes it back if the other has gone
            if (!meant) {
                refusals.put(name, "reverse." + name + " is not offered to server " + server + ": " + reason);
            }
            if (!reason.equals(refusal)) {
                refusal = reason;
                LOG.atLevel(meant ? Level.INFO : Level.WARN)
                        .addKeyValue("event", "offer_refused")
                        .addKeyValue("listener", name)
                        .addKeyValue("peer", server)
                        .addKeyValue("reason", reason)
                        .log("reverse.{}: not offered to server {}: {}", name, server, reason);
            }
            reserve |= newer;
            later();
        }

        @Override
        public void onData(MuxStream from, ByteBuf data) {
            from.consumed(data.readableBytes()); // nothing is said on it
            data.release();
        }

        @Override
        public void onFin(MuxStream from) {
            from.reset(ErrorCode.CANCELLED, "withdrawn");
            onReset(from, ErrorCode.INTERNAL, "the server has ended it");
        }
    }
}
