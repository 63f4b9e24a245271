package dev.culvert.common.splice;

import dev.culvert.common.rate.Limits;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.MuxStream;
import io.netty.channel.Channel;
import io.netty.util.concurrent.EventExecutor;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One tunnelled connection, or one flow of datagrams, from the moment it was accepted to the one line that the log gets
 * at its end. Both agents know it by the same id.
 *
 * <p>It belongs to whoever has it: first to who accepts, then to the event loop that it lives on. From any thread: what
 * asks for its names, {@link #cut}, {@link #cutIfIdle} and {@link #shape}.
 */
public final class Connection {
    private static final Logger LOG = LoggerFactory.getLogger("culvert.connection");

    private final String id;
    private final String forward;
    private final String source;
    private final String target;
    private final Connections home;
    private final long startedAt;
    private final AtomicBoolean ended = new AtomicBoolean();

    private volatile Answer answer = Answer.RESET;
    /** Whose it is; empty: that of nobody who has a name. */
    private volatile String client = "";

    /** Null: whose it is is not known yet. */
    private volatile @Nullable Tally tally;

    private volatile @Nullable Owner owner;
    /** Null: it is not to be cut off. */
    private volatile @Nullable Verdict verdict;

    private volatile Runnable atEnd = () -> {};
    private volatile Limits limits = Limits.NONE;
    private volatile boolean flow;
    private boolean opened;
    private long fromSocket;
    private long toSocket;
    private long activeAt;
    /** Directions that wait for a limit. */
    private int waits;

    private long waitsAsOf;

    /** Cuts off a connection in the state that it is in. */
    @FunctionalInterface
    public interface Cut {
        /** Must lead to {@link #end}. */
        void now(ErrorCode code, String reason);
    }

    /**
     * Where it lives.
     *
     * @param waits for a session to take the connection
     * @param stream what carries it; null: none does yet
     * @param shape takes on its limits as they are
     */
    private record Owner(
            EventExecutor loop,
            Cut cut,
            boolean waits,
            @Nullable MuxStream stream,
            Runnable shape) {}

    private record Verdict(ErrorCode code, String reason) {}

    Connection(Connections home, String id, String forward, String source, String target) {
        this.home = home;
        this.id = id;
        this.forward = forward;
        this.source = source;
        this.target = target;
        startedAt = home.now();
        activeAt = startedAt;
    }

    public String id() {
        return id;
    }

    public String forward() {
        return forward;
    }

    /** Where it comes from, with the name of its client if that has one. */
    private String who() {
        return client.isEmpty() ? source : client + "@" + source;
    }

    public String target() {
        return target;
    }

    /**
     * It is that client's from now on; empty: the client has no name. Where it was another's before, which has not
     * processed it, that one's account has it as refused.
     */
    public void assignTo(String newClient) {
        Tally before = tally;
        if (before != null && before.client().equals(newClient)) {
            return;
        }
        if (before != null) {
            before.reset(ErrorCode.REFUSED);
        }
        client = newClient;
        Tally now = home.tally(forward, newClient);
        now.begin();
        tally = now;
    }

    private Tally tally() {
        if (tally == null) {
            assignTo("");
        }
        return Objects.requireNonNull(tally);
    }

    /** The event loop that it lives on; null: on none yet. */
    @Nullable EventExecutor loop() {
        Owner present = owner;
        return present == null ? null : present.loop;
    }

    /**
     * From now on a stream carries it, on the stream's event loop.
     *
     * @param shape takes on the limits as they are, on that loop
     */
    void join(EventExecutor loop, MuxStream stream, Cut cut, Runnable shape) {
        belongTo(new Owner(loop, cut, false, stream, shape));
    }

    /**
     * Its stream has come to nothing, and another one is to carry it: until then it lives on no event loop. Event loop
     * only.
     */
    void leave() {
        owner = null;
        tally().retry();
    }

    /** From now on whoever has connected is answered like this. Before anybody else knows the connection. */
    public void answeredBy(Answer newAnswer) {
        answer = newAnswer;
    }

    /** It is a flow of datagrams, and not a connection of TCP. Before anybody else knows it. */
    public Connection ofDatagrams() {
        flow = true;
        return this;
    }

    /**
     * Whether it is a flow of datagrams: it has no end of its own, and ends when it has been silent for long enough.
     */
    public boolean isFlow() {
        return flow;
    }

    /** For how long no byte has passed, ns. Event loop only. */
    long idleNanos() {
        return home.now() - activeAt;
    }

    /** Of the clock, ns. Any thread. */
    long now() {
        return home.now();
    }

    /** Where datagrams are counted. */
    Datagrams datagrams() {
        return home.datagrams();
    }

    /** The target has answered, and so hears whoever has connected. Event loop only. */
    void opened(Channel channel) {
        if (!opened) {
            opened();
            answer.opened(channel);
        }
    }

    /** The target has answered, and nobody has to hear it. Event loop only. */
    void opened() {
        if (!opened) {
            opened = true;
            home.observer().onOpened(tally(), home.now() - startedAt);
        }
    }

    /** Closes its channel, with an answer if there was none yet. Event loop only. */
    public void refuse(Channel channel, ErrorCode code, String reason) {
        (opened ? Answer.RESET : answer).refused(channel, code, reason);
    }

    /** What can be said of it now. Its event loop, or any thread while it has none. */
    ConnectionStatus status() {
        Owner present = owner;
        MuxStream carrier = present == null ? null : present.stream;
        long now = home.now();
        return new ConnectionStatus(
                id,
                forward,
                client,
                source,
                target,
                carrier == null ? null : carrier.session(),
                state(),
                startedAt,
                (now - startedAt) / 1_000_000,
                (now - activeAt(now)) / 1_000_000,
                fromSocket,
                toSocket,
                carrier == null ? 0 : carrier.unconsumedBytes(),
                carrier == null ? 0 : carrier.queuedBytes());
    }

    private ConnectionStatus.State state() {
        if (opened) {
            return ConnectionStatus.State.OPEN;
        }
        return waitsForSession() ? ConnectionStatus.State.WAITING : ConnectionStatus.State.OPENING;
    }

    /** From now on the connection lives on {@code loop} and is cut off like this. */
    public void onCut(EventExecutor loop, Cut cut) {
        belongTo(new Owner(loop, cut, false, null, () -> {}));
    }

    /** The same while it waits for a session. */
    void onCutWhileWaiting(EventExecutor loop, Cut cut) {
        belongTo(new Owner(loop, cut, true, null, () -> {}));
    }

    private boolean waitsForSession() {
        Owner present = owner;
        return present == null || present.waits;
    }

    private void belongTo(Owner next) {
        owner = next;
        Verdict fallen = verdict;
        if (fallen != null) {
            cutIf(Duration.ZERO, fallen.code, fallen.reason);
        }
    }

    /** Cuts the connection off: at once, or as soon as somebody takes it on. */
    public void cut(ErrorCode code, String reason) {
        verdict = new Verdict(code, reason);
        cutIf(Duration.ZERO, code, reason);
    }

    /**
     * Cuts the connection off if no byte has passed for {@code idle}; one that waits for a session could not have any.
     */
    public void cutIfIdle(Duration idle) {
        if (!waitsForSession()) {
            cutIf(idle, ErrorCode.DRAINING, "idle for " + idle.toMillis() + " ms while draining");
        }
    }

    private void cutIf(Duration idle, ErrorCode code, String reason) {
        Owner asked = owner;
        if (asked != null) {
            asked.loop.execute(() -> {
                long now = home.now();
                Owner present = owner; // where a dial has ended meanwhile, it is the splice
                if (present != null && present.loop != asked.loop) {
                    cutIf(idle, code, reason);
                } else if (present != null && !ended.get() && now - activeAt(now) >= idle.toNanos()) {
                    present.cut.now(code, reason);
                }
            });
        }
    }

    /** One that a limit holds back is not idle. */
    private long activeAt(long now) {
        return waits > 0 ? now : activeAt;
    }

    /** From now on these hold for it; before it has a stream. */
    public void limitedBy(Limits newLimits) {
        limits = newLimits;
    }

    Limits limits() {
        return limits;
    }

    /** Its limits may have changed. */
    void shape() {
        Owner present = owner;
        if (present != null) {
            present.loop.execute(present.shape);
        }
    }

    /** One direction begins to wait for a limit. Event loop only. */
    void waits() {
        countWaits(1);
    }

    /** It does so no longer. Event loop only. */
    void waited() {
        countWaits(-1);
    }

    private void countWaits(int change) {
        long now = home.now();
        tally().waited(waits * (now - waitsAsOf));
        waits += change;
        waitsAsOf = now;
        activeAt = now;
    }

    /** Counts bytes read from the socket. */
    void fromSocket(int bytes) {
        fromSocket += bytes;
        tally().fromSocket(bytes);
        activeAt = home.now();
    }

    /** Counts bytes written to the socket. */
    void toSocket(int bytes) {
        toSocket += bytes;
        tally().toSocket(bytes);
        activeAt = home.now();
    }

    /** Runs {@code action}, too, at the end, in the thread that ends it. */
    public void onEnd(Runnable action) {
        Runnable before = atEnd;
        atEnd = () -> {
            before.run();
            action.run();
        };
    }

    /** Both directions have ended in good order. See {@link #end}. */
    void close() {
        end(null, "closed");
    }

    /**
     * The connection is over: the log gets its line. The first call counts. Event loop only.
     *
     * @param code null: nothing was lost
     */
    public void end(@Nullable ErrorCode code, String reason) {
        if (ended.compareAndSet(false, true)) {
            atEnd.run(); // before the log says so: then its place is free
            long lived = home.now() - startedAt;
            record(code, reason, lived / 1_000_000);
            if (code == null) {
                tally().close();
            } else {
                tally().reset(code);
            }
            home.observer().onEnded(tally(), lived);
            home.remove(this);
        }
    }

    /** The text for people, and beside it the fields of docs/logs.md. */
    private void record(@Nullable ErrorCode code, String reason, long ms) {
        LOG.atInfo()
                .addKeyValue("event", "connection")
                .addKeyValue("id", id)
                .addKeyValue("forward", forward)
                .addKeyValue("client", client)
                .addKeyValue("source", source)
                .addKeyValue("target", target)
                .addKeyValue("in", fromSocket)
                .addKeyValue("out", toSocket)
                .addKeyValue("ms", ms)
                .addKeyValue("result", code == null ? "closed" : code.label())
                .addKeyValue("reason", reason)
                .log(
                        "{} forward={} client={} target={} in={} out={} ms={} end: {}",
                        id,
                        forward,
                        who(),
                        target,
                        fromSocket,
                        toSocket,
                        ms,
                        reason);
    }

    /** A name that takes one place in a line of the log: a peer could write whole sentences of it otherwise. */
    public static String word(String name) {
        return name.chars().allMatch(c -> c > ' ' && c < 0x7f) ? name : name.replaceAll("[^!-~]", "_");
    }

    /** Who, from where, to where: for a line of the log. */
    @Override
    public String toString() {
        return id + " forward=" + forward + " client=" + who() + " target=" + target;
    }
}
