package dev.culvert.common.lifecycle;

import dev.culvert.common.splice.Connections;
import dev.culvert.mux.ErrorCode;
import io.netty.util.concurrent.Future;

/** What {@link Lifecycle} starts, drains and stops: one of the two agents. Any thread. */
public interface Agent {
    /**
     * Binds the listeners and starts everything else; returns when the agent is ready for connections.
     *
     * @throws StartFailure with a sentence for the user
     */
    void start() throws StartFailure, InterruptedException;

    /**
     * Closes the listeners at once and tells the peers; what is open goes on.
     *
     * @return done when the last connection and the last session have ended
     */
    Future<?> drain();

    /** Resets the connections and closes the sessions that are left; the future of {@link #drain} will be done soon after. */
    void cut(ErrorCode code, String reason);

    Connections connections();

    Sessions sessions();

    /** One line on what it is doing, for {@code systemctl status}. */
    String status();

    /** Ends the threads. Last call. */
    void close();
}
