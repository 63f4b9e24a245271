package dev.culvert.client;

import dev.culvert.common.lifecycle.Sessions;
import dev.culvert.common.lifecycle.Speed;
import dev.culvert.common.net.SessionPipeline;
import dev.culvert.common.splice.Arrival;
import dev.culvert.common.splice.Carrier;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.MuxConnection;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.MuxStream;
import dev.culvert.mux.SessionListener;
import dev.culvert.mux.SharedBudget;
import dev.culvert.mux.Token;
import io.netty.channel.Channel;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Ticker;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Keeps one session up: dials the servers in their order, again after a pause when none answers, and anew when the
 * session has ended or its server goes away. A session whose server drains goes on beside its successor until its last
 * stream has ended.
 *
 * <p>A session that has lost its link is asked for wherever a server is dialled, beginning with its own. A server that
 * has it carries on with it; another one begins a new session, which takes new connections while the lost one is looked
 * for elsewhere.
 *
 * <p>Whoever takes the place of a session that still works is up before: when the configuration has changed, when the
 * session is old or has few ids left, and when a server that comes earlier in the order is there again.
 *
 * <p>What its state is made of:
 *
 * <ul>
 *   <li>{@code current} is the session that takes new connections. There is none before the first is up, and none from
 *       when it has lost its link, drains or has ended until another one is up or it has a link again.
 *   <li>{@code renewal} says that another one is to take the place of the current one, which takes connections until
 *       then.
 *   <li>{@code lost} are sessions without a link. Each stays until it has one, or until no server has it.
 *   <li>{@code attempt} is under way, or {@code pause} comes before the next, as long as any of the three wants a
 *       connection ({@link #isInNeed}); never both.
 *   <li>{@code draining}: only the lost ones want a connection.
 * </ul>
 *
 * <p>Runs on one event loop, which is also that of the session and of the local connections that it carries. From other
 * threads: what says so.
 */
final class Uplink implements Carrier {
    /** How often it is said at most that the session is full. */
    private static final Duration AGAIN = Duration.ofMinutes(1);
    /** How often a session that is in use is looked at. */
    private static final Duration LOOK = Duration.ofSeconds(1);
    /**
     * How often one that stands by where others are looks for another place, if {@code upstream.return-after} is off.
     */
    private static final Duration MOVE = Duration.ofSeconds(60);
    /** A session that lasted so long was a good one: the pauses begin again with the shortest. */
    private static final Duration GOOD = Duration.ofSeconds(5);
    /** So long an attempt may take where nothing else serves and others have not been asked yet: connections wait. */
    private static final Duration HURRY = Duration.ofSeconds(3);

    private static final String CHANGED = "the configuration has changed";

    private final String name;
    private final UplinkLog log;
    private final List<Uplink> active;
    private final EventLoop loop;
    private final Ticker ticker;
    private final Sessions sessions;
    private final SharedBudget memory;
    private final Reverse reverse;
    private final Runnable whenReady;
    private final AtomicInteger load = new AtomicInteger();

    private final Random random = new Random();

    private Way way;
    private ServerOrder order;
    private volatile boolean ready;
    private volatile boolean responsive = true;
    /** Its session has as many streams as the server lets it have. */
    private volatile boolean full;

    /** When it was said last; null: never. */
    private @Nullable Long saidFullAt;
    /** What the last attempt to have a session came to; empty: there has been none, or there is a session. */
    private volatile String trouble = "";
    /** Where the session is, or is to be next. */
    private volatile Location place;

    private boolean draining;
    /** What is on its way to a session, or to a link for one. */
    private @Nullable Attempt attempt;
    /** Until the next attempt. */
    private @Nullable Future<?> pause;

    private @Nullable Current current;
    /** What the last session that has taken over offers. */
    private @Nullable Offering offering;
    /** It stands by where one of the others is, and has looked for another place. */
    private boolean crowded;
    /** Null: no other one is to take its place. */
    private @Nullable Renewal renewal;
    /** Sessions are to leave an address that is not among the servers any more, if they can. */
    private boolean moving;

    private final LostSessions lost = new LostSessions();

    /** The session that takes new connections, and what is to come of it. */
    private static final class Current {
        final MuxSession session;
        final Server server;
        /** It is to be replaced then, since it is old. */
        private @Nullable Future<?> ageing;
        /** A better server is to be looked for then. */
        private @Nullable Future<?> looking;

        Current(MuxSession session, Server server) {
            this.session = session;
            this.server = server;
        }

        void leave() {
            cancel(ageing);
            cancel(looking);
        }
    }

    /**
     * Another session is to take the place of the current one.
     *
     * @param returning it is an attempt to go to a better server: if that fails, all is well all the same
     */
    private record Renewal(String why, boolean returning) {}

    /**
     * An uplink at rest.
     *
     * @param name for the log
     * @param active those that this one stands by for, with another server if it can; empty: it is active itself
     * @param memory that its sessions share with those of others
     * @param reverse what its sessions offer
     * @param whenReady run when it can take connections
     */
    Uplink(
            String name,
            List<Uplink> active,
            EventLoop loop,
            Way way,
            Sessions sessions,
            SharedBudget memory,
            Reverse reverse,
            Runnable whenReady) {
        this.name = name;
        this.active = List.copyOf(active);
        log = new UplinkLog(name);
        this.loop = loop;
        ticker = loop.ticker();
        this.way = way;
        order = orderOf(way);
        place = order.next().location();
        this.sessions = sessions;
        this.memory = memory;
        this.reverse = reverse;
        this.whenReady = whenReady;
    }

    /** Any thread. */
    void start() {
        loop.execute(this::connect);
        loop.scheduleWithFixedDelay(this::look, LOOK.toNanos(), LOOK.toNanos(), TimeUnit.NANOSECONDS);
    }

    private void look() {
        Current present = current;
        boolean was = responsive;
        responsive = present == null || present.session.isResponsive();
        if (present != null && was && !responsive) {
            log.info("server " + present.server
                    + " does not answer; new connections go to another session while there is one");
        }
    }

    @Override
    public boolean isReady() {
        return ready;
    }

    /** Why there is no session, as far as is known. Any thread. */
    String trouble() {
        String last = trouble;
        return last.isEmpty() ? "none has come up so far" : last;
    }

    /** Whether it has a session, which may have no more streams. Any thread. */
    boolean isFull() {
        return full;
    }

    @Override
    public boolean isResponsive() {
        return responsive;
    }

    @Override
    public boolean isStandby() {
        return !active.isEmpty();
    }

    @Override
    public int load() {
        return load.get();
    }

    @Override
    public void take(Arrival arrival, Consumer<Arrival> refused, Consumer<Boolean> done) {
        load.incrementAndGet();
        loop.execute(() -> {
            MuxSession session = openable();
            if (session == null) {
                load.decrementAndGet();
                done.accept(false);
            } else {
                join(arrival, session, refused, done);
                renewIfIdsRunOut(session);
            }
        });
    }

    /** That of its sessions. Any thread. */
    EventLoop loop() {
        return loop;
    }

    /** Takes {@code flow}, or tells it that it no longer can, on its event loop. Any thread. */
    void take(UdpFlow flow) {
        load.incrementAndGet();
        flow.connection().onEnd(load::decrementAndGet);
        loop.execute(() -> {
            MuxSession session = openable();
            if (session == null) {
                flow.nobodyTakesIt();
            } else {
                flow.join(session);
                renewIfIdsRunOut(session);
            }
        });
    }

    /** The session, if it takes streams; else there are none to give it, until it is {@link #beReady ready}. */
    private @Nullable MuxSession openable() {
        Current present = current;
        if (present != null && present.session.isOpenable()) {
            return present.session;
        }
        full = present != null && present.session.isFull();
        ready = false;
        long now = ticker.nanoTime();
        if (present != null && full && (saidFullAt == null || now - saidFullAt > AGAIN.toNanos())) {
            saidFullAt = now;
            log.info(
                    "server %s allows the session %d streams (limits.client.streams), and it has them: new connections wait"
                            .formatted(present.server, present.session.streamCount()));
        }
        return null;
    }

    private void renewIfIdsRunOut(MuxSession session) {
        if (session.isNearlyUsedUp()) {
            renew("its stream ids are nearly used up");
        }
    }

    /** Measures the session; fails with a sentence where there is none, or where it cannot be measured. Any thread. */
    CompletableFuture<Speed> measure() {
        return CompletableFuture.supplyAsync(() -> Optional.ofNullable(current), loop)
                .thenCompose(present -> present.isPresent()
                        ? SpeedTest.run(present.get().session, loop)
                        : CompletableFuture.failedFuture(new IllegalStateException("there is no session")));
    }

    /**
     * Goes another way: the session goes on beside its successor until its last stream has ended. Any thread.
     *
     * @param asTheSame we show the same key there: where the same process is reached by another address, the session
     *     moves there, too
     */
    void use(Way other, boolean asTheSame) {
        loop.execute(() -> {
            way = other;
            moving = asTheSame;
            order = orderOf(other);
            stopTrying();
            lost.endIfNowhere(way.servers(), "none of upstream.servers has the session");
            if (current != null && !draining) {
                renewal = null; // which was for a session of the way before
                renew(CHANGED);
            } else {
                goOn(Duration.ZERO);
            }
        });
    }

    private ServerOrder orderOf(Way way) {
        Backoff backoff = new Backoff(way.pauses().min(), way.pauses().max(), random);
        return new ServerOrder(
                way.servers(),
                server -> active.stream().anyMatch(uplink -> uplink.place.equals(server.location())),
                backoff,
                random,
                ticker);
    }

    /** Dials no more; the sessions are told by {@link Sessions#drain}. Any thread. */
    void drain() {
        loop.execute(() -> {
            draining = true;
            ready = false;
            if (lost.isEmpty()) {
                stopTrying();
            }
        });
    }

    private void join(Arrival arrival, MuxSession session, Consumer<Arrival> refused, Consumer<Boolean> done) {
        Consumer<String> elsewhere = reason -> {
            log.debug(arrival.connection() + " goes to another session: " + reason);
            refused.accept(arrival.refused(this, reason));
        };
        arrival.open(loop, session, load::decrementAndGet, elsewhere, done);
    }

    /** Begins a session that takes the place of the current one when it is up. */
    private void renew(String why) {
        if (current != null && !draining && (renewal == null || renewal.returning)) {
            log.info("beginning another session: " + why);
            renewal = new Renewal(why, false);
            order.restart();
            goOn(Duration.ZERO);
        }
    }

    /** Does {@code action} after some nine tenths of {@code time}, so that many clients do not do so together. */
    private @Nullable Future<?> later(Optional<Duration> time, Runnable action) {
        if (time.isEmpty()) {
            return null;
        }
        long nanos = (long) (time.get().toNanos() * (0.9 + random.nextDouble() / 10));
        return loop.schedule(action, nanos, TimeUnit.NANOSECONDS);
    }

    /** Looks now and then whether there is a better server than that of the current session. */
    private void lookForBetter(Current present) {
        if (way.servers().size() > 1 && !draining) {
            Optional<Duration> pause = isStandby() ? way.returnAfter().or(() -> Optional.of(MOVE)) : way.returnAfter();
            present.looking = later(pause, () -> {
                tryBetter(present.server);
                lookForBetter(present);
            });
        }
    }

    private void tryBetter(Server present) {
        if (renewal == null && !isTrying() && !draining) {
            order.better(present).ifPresent(better -> {
                String why = order.isTaken(present)
                        ? "it stands by at server " + better + " instead"
                        : "server " + better + " is there again, which comes before in the order";
                order.beginWith(better);
                renewal = new Renewal(why, true);
                goOn(Duration.ZERO);
            });
        }
    }

    /** One that it stands by for has a session: if that is where its own is, it looks for another place. Any thread. */
    void moveIfCrowded() {
        loop.execute(() -> {
            boolean before = crowded;
            Current present = current;
            crowded = present != null && order.isTaken(present.server);
            if (present != null && crowded && !before) {
                tryBetter(present.server);
            }
        });
    }

    private void leave() {
        if (current != null) {
            current.leave();
            current = null;
        }
        ready = false;
        full = false;
        renewal = null;
        if (attempt == null || !attempt.isUrgent) { // which was for less
            stopTrying();
        }
    }

    private static void cancel(@Nullable Future<?> task) {
        if (task != null) {
            task.cancel(false);
        }
    }

    /** This one takes new connections from now on. */
    private Current settleOn(MuxSession session, Server server) {
        Current next = new Current(session, server);
        current = next;
        place = server.location();
        beReady();
        return next;
    }

    private boolean isCurrent(MuxSession session) {
        return current != null && current.session == session;
    }

    /** The current session takes streams. */
    private void beReady() {
        responsive = true;
        full = false;
        trouble = "";
        if (!draining) {
            ready = true;
            whenReady.run();
        }
    }

    // ---- connecting

    /** Whether there is a use for another connection: a session for new streams, or a link for a lost one. */
    private boolean isInNeed() {
        return lost.areAtOneOf(way.servers()) || (!draining && (current == null || renewal != null));
    }

    private boolean isTrying() {
        return attempt != null || pause != null;
    }

    /** Goes on with what is missing, if it is not being seen to already. */
    private void goOn(Duration time) {
        if (!isTrying() && isInNeed()) {
            pause = loop.schedule(this::connect, time.toNanos(), TimeUnit.NANOSECONDS);
        }
    }

    private void stopTrying() {
        cancel(pause);
        pause = null;
        Attempt last = attempt;
        attempt = null;
        if (last != null) {
            last.abandon();
        }
    }

    private void connect() {
        pause = null;
        if (!isInNeed()) {
            return;
        }
        Server server = nextServer();
        if (current == null) {
            place = server.location();
        }
        log.debug("dialling " + server);
        attempt = new Attempt(server);
        attempt.begin();
    }

    private Server nextServer() {
        return sought() == null ? order.next() : order.next(this::suits);
    }

    /** The lost session that is all that is looked for; null: a session for new streams is, too. */
    private @Nullable LostSession sought() {
        return current != null && renewal == null ? lost.first(way.servers()) : null;
    }

    private boolean suits(Server server) {
        LostSession sought = sought();
        return sought == null || sought.mayBeAt(server);
    }

    /**
     * Dials a server and begins to speak with it. Ends when a session is up, or has its link, or when it is not waited
     * for any more.
     */
    private final class Attempt {
        private final Way by = way;
        private final boolean isUrgent = current == null;
        private final Server server;
        private final Future<Channel> dial;
        private @Nullable Future<?> hurry;

        Attempt(Server server) {
            this.server = server;
            dial = server.reach(by.dialer(), loop);
        }

        void begin() {
            if (isUrgent && order.hasOthersThan(server)) {
                hurry = loop.schedule(this::giveUp, HURRY.toNanos(), TimeUnit.NANOSECONDS);
            }
            dial.addListener((Future<Channel> dialled) -> {
                if (attempt == this) {
                    if (dialled.isSuccess()) {
                        greet(dialled.getNow());
                    } else {
                        fail("cannot connect: " + dialled.cause().getMessage());
                    }
                }
            });
        }

        private void greet(Channel channel) {
            server.greet(
                    channel,
                    by.socket(),
                    chain -> speak(channel.pipeline()),
                    reason -> fail("no session with " + server + ": " + reason));
        }

        private void speak(ChannelPipeline pipeline) {
            LostSession wanted = lost.wantedAt(server);
            UplinkSession listener = new UplinkSession(this, pipeline.channel(), wanted);
            MuxSession session = new MuxSession(MuxSession.Role.CLIENT, by.settings(), listener, memory, ticker);
            Supplier<Sessions.Peer> peer = () -> new Sessions.Peer("", listener.server.toString());
            if (wanted == null) {
                sessions.add(session, pipeline.channel(), name, peer);
            } else {
                session.prefer(wanted.session());
                sessions.seeking(session, pipeline.channel(), name, peer);
            }
            MuxConnection connection = SessionPipeline.addTo(pipeline, session);
            AddressWatch.begin(pipeline.channel(), connection::leave);
        }

        /**
         * A server that is down without a word must not keep those from us that are up. When all have been tried, it is
         * waited for.
         */
        private void giveUp() {
            String reason = "no session with %s within %d s".formatted(server, HURRY.toSeconds());
            stopTrying();
            attemptFailed(server, reason);
        }

        private void fail(String reason) {
            if (attempt == this) {
                end();
                attemptFailed(server, reason);
            }
        }

        void end() {
            cancel(hurry);
            if (attempt == this) {
                attempt = null;
            }
        }

        /** What comes of it is of no use any more. */
        void abandon() {
            cancel(hurry);
            if (!dial.cancel(false) && dial.isSuccess()) {
                dial.getNow().close();
            }
        }
    }

    private void attemptFailed(Server server, String reason) {
        if (renewal != null && renewal.returning) {
            log.debug(server + ": " + reason);
            order.avoid(server);
            renewal = null;
            goOn(Duration.ZERO);
            return;
        }
        Duration time = order.failed(server, this::suits);
        lost.rotate();
        retry("session_failed", server, reason, time);
    }

    /** A session did not last: on to the next server, after a pause when all have been tried. */
    private void failed(String event, Server server, String reason) {
        retry(event, server, reason, order.failed(server, this::suits));
    }

    private void retry(String event, Server server, String reason, Duration time) {
        if (current == null) {
            trouble = reason;
        }
        if (!isInNeed() || isTrying()) {
            log.info(event, server, reason);
        } else {
            log.failed(event, server, reason, nextServer(), time);
            goOn(time);
        }
    }

    /**
     * One session, and what happens to it; it may be the current one, one that is not up yet, or one that is on its way
     * out.
     */
    private final class UplinkSession implements SessionListener {
        private final Attempt madeBy;
        /** What its connection was made for, if it was not for this session. */
        private final @Nullable LostSession wanted;

        private final Channel channel;

        private final long begunAt = ticker.nanoTime();

        private Server server;
        /** When it got the link that it has. */
        private long linkedAt = ticker.nanoTime();
        /** Bytes of the session that had come before it. */
        private long heardBefore;

        private long lostAt;
        /** Connections that waited for a link when the last one was lost. */
        private int atStake;

        private boolean wasUp;
        private boolean isSpare;
        private @Nullable Offering offers;

        UplinkSession(Attempt madeBy, Channel channel, @Nullable LostSession wanted) {
            this.madeBy = madeBy;
            server = madeBy.server;
            this.channel = channel;
            this.wanted = wanted;
        }

        @Override
        public void onUp(MuxSession session) {
            wasUp = true;
            madeBy.end();
            order.succeeded(server);
            if (!draining && (current == null || renewal != null)) {
                takeOver(session);
            } else { // it was only made to find another one
                isSpare = true;
                session.close(ErrorCode.CANCELLED, "not needed: another session was asked for");
            }
            if (wanted != null) {
                wanted.notFoundAt(server, session);
                wanted.endIfNowhere(
                        way.servers(),
                        server + " does not know the session any more: it was restarted, or is another server");
            }
            goOn(Duration.ZERO);
        }

        private void takeOver(MuxSession session) {
            log.up(server, session);
            Current before = current;
            String why = renewal == null ? "" : renewal.why;
            leave();
            Current now = settleOn(session, server);
            offer(session);
            if (before != null) {
                before.session.goAway(ErrorCode.CANCELLED, why);
                if (moving && !order.has(before.server) && isSameProcess(before.session, session)) {
                    before.session.leaveLink("its server is " + server + " now");
                }
            }
            moving = false;
            lookAhead(now);
        }

        /** The session before offers the same until the server has answered: there is a listener all the time. */
        private void offer(MuxSession session) {
            Offering left = offering;
            Runnable settled = () -> {
                // Since then the one before may have come back, and be the one that counts.
                if (left != null && left != offers && left != offering) {
                    left.withdraw();
                }
            };
            if (offers == null) {
                offers = reverse.offerIn(session, loop, server.toString(), settled);
            } else {
                offers.offerAgain(settled);
            }
            offering = offers;
        }

        private static boolean isSameProcess(MuxSession one, MuxSession other) {
            Optional<Long> process = one.token().map(Token::instance);
            return process.isPresent() && process.equals(other.token().map(Token::instance));
        }

        /** What may take the place of the session, which is in use now. */
        private void lookAhead(Current now) {
            if (madeBy.by.equals(way)) {
                Optional<Duration> left = way.maxAge().map(age -> age.minusNanos(ticker.nanoTime() - begunAt));
                now.ageing = later(left, () -> renew("it is older than upstream.max-age"));
                lookForBetter(now);
            } else { // it has changed while this one had no link
                renew(CHANGED);
            }
        }

        /** The server has what the connection was made for. */
        @Override
        public boolean onResume(MuxSession session, Token token, long peerHas) {
            LostSession found = Objects.requireNonNull(wanted);
            madeBy.end();
            order.succeeded(server);
            lost.remove(found);
            found.foundAt(server);
            sessions.giveWay(session);
            MuxConnection connection = channel.pipeline().get(MuxConnection.class);
            connection.carry(found.session(), loop, peerHas, () -> sessions.moveTo(channel, found.session()));
            if (found.session().isLost()) { // the server has told what cannot be
                lost.add(found);
                goOn(order.pause());
            } else {
                goOn(Duration.ZERO);
            }
            return true;
        }

        @Override
        public void onResumed(MuxSession session) {
            linkedAt = ticker.nanoTime();
            heardBefore = session.receivedBytes();
            long millis = (linkedAt - lostAt) / 1_000_000;
            log.resumed(server, connections(session), millis);
            if (current == null && (session.isOpenable() || session.isFull())) {
                Current now = settleOn(session, server);
                offer(session);
                lookAhead(now);
            } else {
                session.goAway(ErrorCode.CANCELLED, "another session has taken its place");
                if (offers != null && offers != offering) {
                    offers.withdraw();
                }
            }
        }

        @Override
        public void onLost(MuxSession session, String text) {
            lostAt = ticker.nanoTime();
            atStake = connections(session);
            if (isCurrent(session)) {
                leave();
            }
            lost.add(new LostSession(session, server, found -> server = found));
            String reason = "link to %s lost, %d connections wait for another: %s".formatted(server, atStake, text);
            order.beginWith(server);
            retry("session_lost", server, reason, pauseAfterLink(session));
        }

        private int connections(MuxSession session) {
            return session.streamCount() - (offers == null ? 0 : offers.size());
        }

        /**
         * None where the link has lasted, else a short one, which only grows while links bring nothing: connections
         * wait.
         */
        private Duration pauseAfterLink(MuxSession session) {
            if (isGood()) {
                return Duration.ZERO;
            }
            if (session.receivedBytes() > heardBefore) {
                order.recovered();
            }
            return order.pause();
        }

        @Override
        public void onOpenable(MuxSession session) {
            if (isCurrent(session)) {
                beReady();
            }
        }

        @Override
        public void onStream(MuxSession session, MuxStream stream) {
            reverse.take(stream, loop);
        }

        @Override
        public void onGoAway(MuxSession session, ErrorCode code, String text) {
            if (isCurrent(session)) {
                leave();
                String reason = "server " + server + " takes no new connections: " + code + ": " + text;
                if (isGood()) {
                    trouble = reason;
                    log.info("session_draining", server, reason);
                    order.avoid(server);
                    goOn(Duration.ZERO);
                } else {
                    failed("session_draining", server, reason);
                }
            }
        }

        /**
         * Whether the link has lasted. One that has not is an attempt that came to nothing: a stock server has no first
         * words, so a session with one that does not accept us is up until it says so.
         */
        private boolean isGood() {
            boolean good = ticker.nanoTime() - linkedAt > GOOD.toNanos();
            if (good) {
                order.recovered();
            }
            return good;
        }

        @Override
        public void onDrained(MuxSession session) {
            atStake = 0;
            session.close(ErrorCode.DRAINING, "drained");
        }

        @Override
        public void onClosed(MuxSession session, ErrorCode code, String text) {
            sessions.remove(session, code);
            if (offers != null) {
                offers.end();
            }
            boolean wasLost = lost.remove(session);
            if (isCurrent(session)) {
                leave();
                String reason = "session to " + server + " ended: " + code + ": " + text;
                if (isGood()) {
                    order.restart();
                    retry("session_ended", server, reason, order.pause());
                } else {
                    failed("session_ended", server, reason);
                }
            } else if (wasLost) {
                if (atStake == 0) {
                    log.info("session_ended", server, "lost session to " + server + " ended: " + code + ": " + text);
                } else {
                    String reason = "session to " + server + " ended, and its connections: " + code + ": " + text;
                    log.warn("session_ended", server, reason);
                }
                goOn(Duration.ZERO);
            } else if (isSpare) {
                log.debug(server + " does not know the session that was asked for");
            } else if (wasUp) {
                String reason = "old session to " + server + " ended: " + code + ": " + text;
                log.info("session_ended", server, reason);
            } else {
                if (wanted != null && code == ErrorCode.LIMIT_REACHED) {
                    wanted.noRoomAt(server);
                    wanted.endIfNowhere(
                            way.servers(), server + " does not know the session any more, and has no room for another");
                }
                madeBy.fail("no session with " + server + ": " + code + ": " + text + server.advice(session));
            }
        }
    }
}
