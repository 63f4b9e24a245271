package dev.culvert.common.lifecycle;

import dev.culvert.common.config.AgentConfig;
import dev.culvert.common.config.BadConfig;
import dev.culvert.common.net.ListeningSocket;
import dev.culvert.common.splice.Connections;
import dev.culvert.common.splice.HttpAnswer;
import dev.culvert.mux.Address;
import dev.culvert.mux.ErrorCode;
import io.netty.channel.socket.DuplexChannel;
import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** What {@link Lifecycle} starts, drains and stops: one of the two agents. Any thread. */
public interface Agent {
    /**
     * Binds the listeners and starts everything else, and accepts nothing yet: connections wait.
     *
     * @throws StartFailure with a sentence for the user
     */
    void start() throws StartFailure, InterruptedException;

    /** Accepts from now on. */
    void accept();

    /** What it listens on now, for a process that wants to take over. Epoll only. */
    List<ListeningSocket> sockets();

    /**
     * Another process has taken over: what comes to the sockets, and their files, are its own. {@link #drain} is next.
     */
    void handOver();

    /**
     * Reads the configuration again and does what it says now, as far as that needs no restart; the log says what does.
     * Blocks.
     *
     * @throws BadConfig and nothing has changed
     * @throws StartFailure the file is right, but what it asks for cannot be had; nothing has changed
     */
    void reload(Path file) throws BadConfig, StartFailure, InterruptedException;

    /**
     * What {@link #reload} would do, and to whom. Changes nothing. Any thread; blocks.
     *
     * @throws BadConfig a reload would change nothing
     * @throws StartFailure the same
     */
    Plan plan(Path file) throws BadConfig, StartFailure;

    /** What it is told to do, as it was last read. */
    AgentConfig config();

    /**
     * Looks whether the files of keys and certificates have changed, and takes the new ones. Called now and then;
     * blocks.
     */
    void refresh();

    /**
     * Closes the listeners at once, sees to it that those who have been accepted get a stream, and tells the peers;
     * what is open goes on.
     *
     * @return done when the last connection and the last session have ended
     */
    Future<?> drain();

    /**
     * Resets the connections and closes the sessions that are left; the future of {@link #drain} will be done soon
     * after.
     */
    default void cut(ErrorCode code, String reason) {
        connections().live().forEach(connection -> connection.cut(code, reason));
        sessions().cut(code, reason);
    }

    Connections connections();

    Sessions sessions();

    /** What clients offer, or this client does. */
    List<OfferStatus> offers();

    /**
     * Connects a channel with a target by a session. Any thread.
     *
     * @param channel active, not read, with a Hold at the end of its pipeline; belongs to the agent from here on
     * @param answer tells it what has become of that
     */
    default void connect(DuplexChannel channel, Address target, HttpAnswer answer) {
        answer.refused(
                channel, ErrorCode.FORBIDDEN, "this is a server, and only tunnel-client has sessions to connect by");
    }

    /** Why it cannot carry connections now, a sentence each. */
    List<String> troubles();

    /** Measures a session to a server that is up; fails with a sentence where there is none. */
    default CompletableFuture<Speed> measure() {
        return CompletableFuture.failedFuture(new IllegalStateException("there is no session to a server"));
    }

    /** The threads that carry bytes: none of them may ever be stuck. */
    Iterable<? extends EventExecutor> loops();

    /** One line on what it is doing, for {@code systemctl status}. */
    String status();

    /** Ends the threads. Last call. */
    void close();
}
