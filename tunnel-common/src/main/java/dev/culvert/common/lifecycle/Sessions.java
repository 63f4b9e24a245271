package dev.culvert.common.lifecycle;

import dev.culvert.common.splice.Connections;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.MuxSession;
import io.netty.util.concurrent.DefaultPromise;
import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.ImmediateEventExecutor;
import io.netty.util.concurrent.Promise;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The open sessions of an agent, and their end. Any thread. */
public final class Sessions {
    private static final Logger LOG = LoggerFactory.getLogger(Sessions.class);

    private final Connections connections;
    private final Map<MuxSession, EventExecutor> open = new ConcurrentHashMap<>();
    private final Promise<Void> drained = new DefaultPromise<>(ImmediateEventExecutor.INSTANCE);
    private volatile boolean draining;

    /** Sessions that carry these connections. */
    public Sessions(Connections connections) {
        this.connections = connections;
        connections.whenEmpty(this::finishIfDrained);
    }

    /** Enters a session that runs on {@code loop}. */
    public void add(MuxSession session, EventExecutor loop) {
        open.put(session, loop);
        if (draining) {
            sayGoodbye(session, loop);
        }
    }

    /** A session has ended. */
    public void remove(MuxSession session) {
        open.remove(session);
        finishIfDrained();
    }

    public int size() {
        return open.size();
    }

    /**
     * Tells the peers of all sessions that no new streams are taken. Whoever listens to a session closes it when it is drained.
     *
     * @return done when the last session and the last connection have ended
     */
    public Future<?> drain() {
        draining = true;
        open.forEach(Sessions::sayGoodbye);
        finishIfDrained();
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
        open.forEach((session, loop) -> loop.execute(() -> action.accept(session)));
    }

    private static void sayGoodbye(MuxSession session, EventExecutor loop) {
        loop.execute(() -> session.goAway(ErrorCode.DRAINING, "this agent is shutting down"));
    }

    /** Data may still wait for a socket when its stream, and even its session, has ended: so both are counted. */
    private void finishIfDrained() {
        if (draining && open.isEmpty() && connections.size() == 0) {
            drained.trySuccess(null);
        }
    }
}
