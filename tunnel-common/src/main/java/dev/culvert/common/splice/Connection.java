package dev.culvert.common.splice;

import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.MuxStream;
import io.netty.util.concurrent.EventExecutor;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One tunnelled connection, from the moment it was accepted to the one line that the log gets at its end. Both agents know it
 * by the same id.
 *
 * <p>The counters belong to the connection's event loop; everything else may be called from any thread.
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

    private volatile String name;
    /** Null: whose it is is not known yet. */
    private volatile @Nullable Tally tally;

    private volatile @Nullable Owner owner;
    private volatile @Nullable MuxStream stream;
    private volatile Runnable atEnd = () -> {};

    private boolean opened;
    private long fromSocket;
    private long toSocket;
    private long activeAt;

    /** Cuts off a connection in the state that it is in. */
    @FunctionalInterface
    public interface Cut {
        /** Must lead to {@link #end}. */
        void now(ErrorCode code, String reason);
    }

    private record Owner(EventExecutor loop, Cut cut) {}

    Connection(Connections home, String id, String forward, String source, String target) {
        this.home = home;
        this.id = id;
        this.forward = forward;
        this.source = source;
        this.target = target;
        name = "";
        startedAt = home.now();
        activeAt = startedAt;
    }

    public String id() {
        return id;
    }

    public String forward() {
        return forward;
    }

    /** Who it comes from, with the name of its client if it has one. */
    public String client() {
        return name.isEmpty() ? source : name + "@" + source;
    }

    public String target() {
        return target;
    }

    /**
     * It is that client's from now on; empty: the client has no name. Where it was another's before, which has not processed it, that one's
     * account has it as refused.
     */
    public void isOf(String client) {
        Tally before = tally;
        if (before != null && before.client().equals(client)) {
            return;
        }
        if (before != null) {
            before.reset(ErrorCode.REFUSED);
        }
        name = client;
        Tally now = home.tally(forward, client);
        now.begin();
        tally = now;
    }

    private Tally tally() {
        if (tally == null) {
            isOf("");
        }
        return Objects.requireNonNull(tally);
    }

    /** The event loop that it lives on; null: on none yet. */
    @Nullable EventExecutor loop() {
        Owner present = owner;
        return present == null ? null : present.loop;
    }

    /** From now on this stream carries it. */
    void carriedBy(MuxStream newStream) {
        stream = newStream;
    }

    /** Its stream has come to nothing, and another one is to carry it: until then it lives on no event loop. Event loop only. */
    void leave() {
        owner = null;
        stream = null;
        tally().retry();
    }

    /** The target has answered. Event loop only. */
    void opened() {
        if (!opened) {
            opened = true;
            home.observer().onOpened(tally(), home.now() - startedAt);
        }
    }

    /** What can be said of it now. Its event loop, or any thread while it has none. */
    ConnectionStatus status() {
        MuxStream carrier = stream;
        long now = home.now();
        return new ConnectionStatus(
                id,
                forward,
                name,
                source,
                target,
                carrier == null ? null : carrier.session(),
                opened ? "open" : owner == null ? "waiting" : "opening",
                startedAt,
                (now - startedAt) / 1_000_000,
                (now - activeAt) / 1_000_000,
                fromSocket,
                toSocket,
                carrier == null ? 0 : carrier.unconsumedBytes(),
                carrier == null ? 0 : carrier.queuedBytes());
    }

    /** From now on the connection lives on {@code loop} and is cut off like this. */
    public void onCut(EventExecutor loop, Cut cut) {
        owner = new Owner(loop, cut);
    }

    /** Cuts the connection off. One that nobody has taken on yet is left to those who prepare it. */
    public void cut(ErrorCode code, String reason) {
        cutIf(Duration.ZERO, code, reason);
    }

    /** Cuts the connection off if no byte has passed for {@code idle}. */
    public void cutIfIdle(Duration idle) {
        cutIf(idle, ErrorCode.DRAINING, "idle for " + idle.toMillis() + " ms while draining");
    }

    private void cutIf(Duration idle, ErrorCode code, String reason) {
        Owner present = owner;
        if (present != null) {
            present.loop.execute(() -> {
                if (!ended.get() && home.now() - activeAt >= idle.toNanos()) {
                    present.cut.now(code, reason);
                }
            });
        }
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
            long lived = home.now() - startedAt;
            record(code, reason, lived / 1_000_000);
            if (code == null) {
                tally().close();
            } else {
                tally().reset(code);
            }
            home.observer().onEnded(tally(), lived);
            atEnd.run();
            home.remove(this);
        }
    }

    /** The text for people, and beside it the fields of docs/logs.md. */
    private void record(@Nullable ErrorCode code, String reason, long ms) {
        LOG.atInfo()
                .addKeyValue("event", "connection")
                .addKeyValue("id", id)
                .addKeyValue("forward", forward)
                .addKeyValue("client", name)
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
                        client(),
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
        return id + " forward=" + forward + " client=" + client() + " target=" + target;
    }
}
