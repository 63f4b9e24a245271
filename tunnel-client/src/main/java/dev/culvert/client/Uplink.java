package dev.culvert.client;

import dev.culvert.common.lifecycle.Sessions;
import dev.culvert.common.lifecycle.Speed;
import dev.culvert.common.splice.Splice;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.MuxConnection;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.MuxStream;
import dev.culvert.mux.SessionListener;
import io.netty.channel.Channel;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.SocketChannel;
import io.netty.util.concurrent.Future;
import java.time.Duration;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * Keeps one session up: dials the servers in their order, again after a pause when none answers, and anew when the session is
 * lost or its server goes away. A session whose server drains goes on beside its successor until its last stream has ended.
 *
 * <p>Runs on one event loop, which is also that of the session and of the local connections that it carries. From other
 * threads: {@link #start}, {@link #isReady}, {@link #load}, {@link #take} and {@link #drain}.
 */
final class Uplink implements Uplinks.Carrier {
    private static final Logger LOG = LoggerFactory.getLogger(Uplink.class);
    /** A session that lasted so long was a good one: the servers begin again with the first, and the pauses with the shortest. */
    private static final Duration GOOD = Duration.ofSeconds(5);

    private final String name;
    private final EventLoop loop;
    private final Sessions sessions;
    private final Runnable whenReady;
    private final AtomicInteger load = new AtomicInteger();

    private Way way;
    private Backoff backoff;
    private volatile boolean ready;
    private boolean draining;
    /** The server to dial next, an index. */
    private int next;
    /** Since a good session; as many as there are servers are a round. */
    private int failures;

    private @Nullable Future<?> attempt;
    private @Nullable MuxSession current;

    /**
     * An uplink at rest.
     *
     * @param name for the log
     * @param whenReady run when it can take connections
     */
    Uplink(String name, EventLoop loop, Way way, Sessions sessions, Runnable whenReady) {
        this.name = name;
        this.loop = loop;
        this.way = way;
        this.backoff = pauses(way);
        this.sessions = sessions;
        this.whenReady = whenReady;
    }

    void start() {
        loop.execute(this::connect);
    }

    @Override
    public boolean isReady() {
        return ready;
    }

    @Override
    public int load() {
        return load.get();
    }

    @Override
    public void take(Arrival arrival, Runnable otherwise) {
        load.incrementAndGet();
        loop.execute(() -> {
            MuxSession session = current;
            if (session == null || !session.isOpenable()) {
                load.decrementAndGet();
                ready = false;
                if (session != null && session.isExhausted()) {
                    LOG.info("{}: the stream ids of this session are used up, beginning another", name);
                    replace(session, "stream ids are used up");
                }
                otherwise.run();
            } else {
                join(arrival, session);
            }
        });
    }

    /** Measures the session; fails with a sentence where there is none, or where it can not be measured. Any thread. */
    CompletableFuture<Speed> measure() {
        return CompletableFuture.supplyAsync(() -> Optional.ofNullable(current), loop)
                .thenCompose(session -> session.isPresent()
                        ? SpeedTest.run(session.get(), loop)
                        : CompletableFuture.failedFuture(new IllegalStateException("there is no session")));
    }

    /** Goes another way: the session goes on beside its successor until its last stream has ended. Any thread. */
    void use(Way other) {
        loop.execute(() -> {
            way = other;
            backoff = pauses(other);
            next = 0;
            failures = 0;
            if (current != null && !draining) {
                replaceByOther(current);
            } else if (attempt != null && attempt.cancel(false)) { // a pause, or a dial that nobody has answered yet
                connect();
            }
        });
    }

    private void replaceByOther(MuxSession session) {
        LOG.info("{}: beginning another session, as the configuration is now", name);
        replace(session, "the configuration has changed");
    }

    private static Backoff pauses(Way way) {
        return new Backoff(way.pauses().min(), way.pauses().max(), new Random());
    }

    /** Dials no more; the sessions are told by {@link Sessions#drain}. */
    void drain() {
        loop.execute(() -> {
            draining = true;
            ready = false;
            if (attempt != null) {
                attempt.cancel(false);
            }
        });
    }

    private void join(Arrival arrival, MuxSession session) {
        SocketChannel channel = arrival.channel();
        arrival.connection().onEnd(load::decrementAndGet);
        loop.register(channel).addListener(registered -> {
            if (registered.isSuccess()) {
                Splice.open(channel, arrival.connection(), session, arrival.request());
            } else {
                arrival.reject(ErrorCode.INTERNAL, "cannot register the socket: " + registered.cause());
            }
        });
    }

    /** A session has no use for new streams: it ends with its last one, beside its successor. */
    private void replace(MuxSession session, String why) {
        current = null;
        ready = false;
        session.goAway(ErrorCode.CANCELLED, why);
        connect();
    }

    private void becomeReady() {
        if (!draining) {
            ready = true;
            whenReady.run();
        }
    }

    // ---- connecting

    private void connect() {
        if (draining) {
            return;
        }
        Server server = way.servers().get(next);
        LOG.debug("{}: dialling {}", name, server);
        Future<Channel> dial = way.dialer().dial(loop, server.address(), address -> true);
        attempt = dial;
        dial.addListener((Future<Channel> dialled) -> {
            if (dialled.isSuccess()) {
                begin(server, dialled.getNow());
            } else if (!dialled.isCancelled()) {
                failed(
                        "session_failed",
                        server,
                        "cannot connect: " + dialled.cause().getMessage());
            }
        });
    }

    private void begin(Server server, Channel channel) {
        server.greet(
                channel,
                way.socket(),
                chain -> speak(server, channel.pipeline()),
                reason -> failed("session_failed", server, "no session with " + server + ": " + reason));
    }

    private void speak(Server server, ChannelPipeline pipeline) {
        MuxSession session = new MuxSession(MuxSession.Role.CLIENT, way.settings(), new Listener(server));
        sessions.add(session, pipeline.channel(), name, () -> new Sessions.Peer("", server.toString()));
        pipeline.addLast(new MuxConnection(session));
    }

    /** An attempt came to nothing: on to the next server, after a pause when all have been tried. */
    private void failed(String event, Server server, String reason) {
        next = (next + 1) % way.servers().size();
        failures++;
        retry(event, server, reason, failures % way.servers().size() == 0 ? backoff.next() : Duration.ZERO);
    }

    private void retry(String event, Server server, String reason, Duration pause) {
        if (draining) {
            log(LOG.atInfo(), event, server, reason).log("{}: {}", name, reason);
        } else {
            log(LOG.atWarn(), event, server, reason)
                    .log(
                            "{}: {}; dialling {} in {} ms",
                            name,
                            reason,
                            way.servers().get(next),
                            pause.toMillis());
            attempt = loop.schedule(this::connect, pause.toNanos(), TimeUnit.NANOSECONDS);
        }
    }

    /** What became of a session, or of an attempt to have one. */
    private LoggingEventBuilder log(LoggingEventBuilder line, String event, Server server, String reason) {
        return event(line, event, server).addKeyValue("reason", reason);
    }

    private LoggingEventBuilder event(LoggingEventBuilder line, String event, Server server) {
        return line.addKeyValue("event", event).addKeyValue("endpoint", name).addKeyValue("peer", server.address());
    }

    /** What happens to one session; it may be the current one, one that is not up yet, or one that is on its way out. */
    private final class Listener implements SessionListener {
        private final Server server;
        private final Way gone = way;
        private final long begun = System.nanoTime();
        private boolean wasUp;

        Listener(Server server) {
            this.server = server;
        }

        @Override
        public void onUp(MuxSession session) {
            wasUp = true;
            current = session;
            event(LOG.atInfo(), "session_up", server)
                    .addKeyValue("version", session.version())
                    .addKeyValue("software", session.peerSoftware())
                    .log(
                            "{}: session up, server {}, {}{}",
                            name,
                            server,
                            session.version(),
                            session.peerSoftware().isEmpty() ? "" : ", " + session.peerSoftware());
            if (gone.equals(way) || draining) {
                becomeReady();
            } else { // it has changed while this one was begun
                replaceByOther(session);
            }
        }

        @Override
        public void onOpenable(MuxSession session) {
            if (session == current) {
                becomeReady();
            }
        }

        @Override
        public void onStream(MuxSession session, MuxStream stream) {
            stream.reset(ErrorCode.FORBIDDEN, "this client takes no streams");
        }

        @Override
        public void onGoAway(MuxSession session, ErrorCode code, String text) {
            if (session == current) {
                leave();
                String reason = "server " + server + " takes no new connections: " + code + ": " + text;
                if (beginAnewIfGood()) {
                    log(LOG.atInfo(), "session_draining", server, reason).log("{}: {}", name, reason);
                    next = (next + 1) % way.servers().size();
                    connect();
                } else {
                    failed("session_draining", server, reason);
                }
            }
        }

        /**
         * Whether the session has lasted. One that has not is an attempt that came to nothing: a stock server has no first words, so a
         * session with one that does not accept us is up until it says so, and a full server says so at once.
         */
        private boolean beginAnewIfGood() {
            boolean good = System.nanoTime() - begun > GOOD.toNanos();
            if (good) {
                failures = 0;
                backoff.reset();
            }
            return good;
        }

        @Override
        public void onDrained(MuxSession session) {
            session.close(ErrorCode.DRAINING, "drained");
        }

        @Override
        public void onClosed(MuxSession session, ErrorCode code, String text) {
            sessions.remove(session, code);
            if (session == current) {
                leave();
                String reason = "session to " + server + " lost: " + code + ": " + text;
                if (beginAnewIfGood()) {
                    next = 0;
                    retry("session_ended", server, reason, backoff.next());
                } else {
                    failed("session_ended", server, reason);
                }
            } else if (wasUp) {
                String reason = "old session to " + server + " ended: " + code + ": " + text;
                log(LOG.atInfo(), "session_ended", server, reason).log("{}: {}", name, reason);
            } else {
                failed(
                        "session_failed",
                        server,
                        "no session with " + server + ": " + code + ": " + text + server.advice(session));
            }
        }

        private void leave() {
            current = null;
            ready = false;
        }
    }
}
