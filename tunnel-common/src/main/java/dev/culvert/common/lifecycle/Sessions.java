package dev.culvert.common.lifecycle;

import dev.culvert.common.splice.Connections;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.MuxSession;
import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.epoll.EpollTcpInfo;
import io.netty.util.concurrent.DefaultPromise;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.ImmediateEventExecutor;
import io.netty.util.concurrent.Promise;
import io.netty.util.concurrent.Ticker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The open sessions of an agent, and their end. Any thread. */
public final class Sessions {
    /** The name of a session that takes connections only when the others do not. */
    public static final String STANDBY = "standby";

    private static final Logger LOG = LoggerFactory.getLogger(Sessions.class);

    private final Connections connections;
    private final Map<MuxSession, Entry> open = new ConcurrentHashMap<>();
    private final AtomicLong next = new AtomicLong();
    private final AtomicInteger arriving = new AtomicInteger();
    private final AtomicInteger leaving = new AtomicInteger();
    private final LongAdder begun = new LongAdder();
    private final LongAdder resumed = new LongAdder();
    private final Map<ErrorCode, LongAdder> ended = new EnumMap<>(ErrorCode.class);
    private final Ticker ticker;
    private final Promise<Void> drained = new DefaultPromise<>(ImmediateEventExecutor.INSTANCE);
    private volatile boolean draining;

    /** Sessions that carry these connections. */
    public Sessions(Connections connections, Ticker ticker) {
        this.connections = connections;
        this.ticker = ticker;
        for (ErrorCode code : ErrorCode.values()) {
            ended.put(code, new LongAdder());
        }
        connections.whenEmpty(this::finishIfDrained);
    }

    /**
     * Enters a session.
     *
     * @param channel that carries it; its event loop is the session's
     * @param name of what began or accepted it
     * @param peer who is at the other end; asked on the loop
     */
    public void add(MuxSession session, Channel channel, String name, Supplier<Peer> peer) {
        add(session, channel, name, peer, false);
    }

    /**
     * As {@link #add}, for one that is to find another one that has lost its link: a drain waits for that, and so it
     * may ask, and even come up, {@link #cameUp}, before it is sent away.
     */
    public void seeking(MuxSession session, Channel channel, String name, Supplier<Peer> peer) {
        add(session, channel, name, peer, true);
    }

    /** A peer has connected, which is to become a session: a drain waits for it. */
    public void arriving() {
        arriving.incrementAndGet();
    }

    /**
     * As {@link #add}, for one that was {@link #arriving}: it may come up, {@link #cameUp}, before it is sent away by a
     * drain.
     */
    public void arrived(MuxSession session, Channel channel, String name, Supplier<Peer> peer) {
        add(session, channel, name, peer, true);
        notArrived();
    }

    /** One that was {@link #arriving} has not become a session. */
    public void notArrived() {
        arriving.decrementAndGet();
        finishIfDrained();
    }

    /** One that has {@link #arrived} is up. Its event loop only. */
    public void cameUp(MuxSession session) {
        if (draining) {
            sayGoodbye(session);
        }
    }

    private void add(MuxSession session, Channel channel, String name, Supplier<Peer> peer, boolean mayComeUp) {
        Entry entry = new Entry("s" + next.incrementAndGet(), channel, name, peer, mayComeUp, ticker.nanoTime());
        begun.increment();
        open.put(session, entry);
        if (draining) {
            sayGoodbye(session, entry);
        }
    }

    /** A session has ended. A drain waits for its channel, which may not have sent the last of it. */
    public void remove(MuxSession session, ErrorCode code) {
        leaving.incrementAndGet();
        Entry entry = end(session, code);
        if (entry == null) {
            hasLeft();
        } else {
            entry.channel.closeFuture().addListener(closed -> hasLeft());
        }
    }

    private void hasLeft() {
        leaving.decrementAndGet();
        finishIfDrained();
    }

    private @Nullable Entry end(MuxSession session, ErrorCode code) {
        Entry entry = open.remove(session);
        if (entry != null) {
            Objects.requireNonNull(ended.get(code)).increment();
        }
        return entry;
    }

    /** Sessions so far, ended or not. */
    public long begun() {
        return begun.sum();
    }

    /** Sessions that ended with this code. */
    public long ended(ErrorCode code) {
        return Objects.requireNonNull(ended.get(code)).sum();
    }

    /** Who is at the other end: its name, empty if it has none, and its address. */
    public record Peer(String name, String address) {}

    private static final class Entry {
        private final String id;
        private final EventLoop loop;
        private final String name;
        private final Supplier<Peer> peer;
        private final boolean mayComeUp;
        private final long begunAt;
        private volatile Channel channel;

        Entry(String id, Channel channel, String name, Supplier<Peer> peer, boolean mayComeUp, long begunAt) {
            this.id = id;
            this.name = name;
            this.peer = peer;
            this.mayComeUp = mayComeUp;
            this.begunAt = begunAt;
            this.channel = channel;
            loop = channel.eventLoop();
        }
    }

    /** {@code fresh} has come to nothing, since its channel is for another session, which has lost its own. */
    public void giveWay(MuxSession fresh) {
        end(fresh, ErrorCode.CANCELLED);
        finishIfDrained();
    }

    /** {@code channel} carries {@code session} from now on. Its event loop only. */
    public void moveTo(Channel channel, MuxSession session) {
        Entry entry = open.get(session);
        if (entry != null) {
            entry.channel = channel;
        }
        resumed.increment();
    }

    /** How often a session went on by another connection. */
    public long resumed() {
        return resumed.sum();
    }

    /**
     * What can be said of each session now. Asks their event loops.
     *
     * @return without those of a loop that has not answered within {@code patience}
     */
    public CompletableFuture<List<SessionStatus>> status(Duration patience) {
        Collection<SessionStatus> answers = new ConcurrentLinkedQueue<>();
        List<CompletableFuture<?>> parts = new ArrayList<>();
        open.forEach((session, entry) ->
                parts.add(CompletableFuture.runAsync(() -> answers.add(status(session, entry)), entry.loop)));
        return CompletableFuture.allOf(parts.toArray(new CompletableFuture<?>[0]))
                .completeOnTimeout(null, patience.toMillis(), TimeUnit.MILLISECONDS)
                .handle((done, failure) -> List.copyOf(answers));
    }

    /** The name of a session, as its status has it; empty: it has ended. */
    public String id(@Nullable MuxSession session) {
        Entry entry = session == null ? null : open.get(session);
        return entry == null ? "" : entry.id;
    }

    private SessionStatus status(MuxSession session, Entry entry) {
        Peer peer = entry.peer.get();
        long roundTripMicros = session.roundTripNanos() / 1_000;
        long retransmits = 0;
        if (entry.channel instanceof EpollSocketChannel socket && socket.isOpen()) {
            EpollTcpInfo tcp = socket.tcpInfo();
            retransmits = tcp.totalRetrans();
            if (roundTripMicros == 0) {
                roundTripMicros = tcp.rtt();
            }
        }
        return new SessionStatus(
                entry.id,
                entry.name,
                peer.name(),
                peer.address(),
                session.isUp() ? session.version().toString() : "",
                session.peerSoftware(),
                state(session, entry),
                entry.begunAt,
                (ticker.nanoTime() - entry.begunAt) / 1_000_000,
                session.streamCount(),
                session.receivedBytes(),
                session.sentBytes(),
                roundTripMicros,
                retransmits,
                session.widenedBytes(),
                session.unconsumedBytes(),
                session.queuedBytes());
    }

    private static SessionStatus.State state(MuxSession session, Entry entry) {
        if (session.isLost()) {
            return SessionStatus.State.LOST;
        } else if (!session.isUp()) {
            return SessionStatus.State.OPENING;
        }
        return entry.name.equals(STANDBY) ? SessionStatus.State.STANDBY : SessionStatus.State.UP;
    }

    public int size() {
        return open.size();
    }

    /**
     * Tells the peers of all sessions that no new streams are taken. Whoever listens to a session closes it when it is
     * drained.
     *
     * @return done when the last session and the last connection have ended
     */
    public Future<?> drain() {
        draining = true;
        open.forEach(Sessions::sayGoodbye);
        finishIfDrained();
        return drained;
    }

    /** That of {@link #drain}, which may not have been begun. */
    public Future<?> drained() {
        return drained;
    }

    /** Closes every session, whatever it carries. */
    public void cut(ErrorCode code, String reason) {
        forEach(session -> session.close(code, reason));
    }

    /** Writes a line on each session to the log. */
    void report() {
        forEach(session -> LOG.info("{}", session));
    }

    private void forEach(Consumer<MuxSession> action) {
        open.forEach((session, entry) -> entry.loop.execute(() -> action.accept(session)));
    }

    private static void sayGoodbye(MuxSession session, Entry entry) {
        entry.loop.execute(() -> {
            if (session.isUp() || !entry.mayComeUp) {
                sayGoodbye(session);
            }
        });
    }

    private static void sayGoodbye(MuxSession session) {
        session.goAway(ErrorCode.DRAINING, "this agent is shutting down");
    }

    /** Data may still wait for a socket when its stream, and even its session, has ended: so both are counted. */
    private void finishIfDrained() {
        if (draining && arriving.get() == 0 && open.isEmpty() && leaving.get() == 0 && connections.size() == 0) {
            drained.trySuccess(null);
        }
    }
}
