package dev.culvert.common.admin;

import dev.culvert.common.net.ListeningSocket;
import dev.culvert.common.splice.HttpAnswer;
import dev.culvert.mux.Address;
import io.netty.channel.socket.DuplexChannel;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** What the admin endpoint shows of an agent, and asks of it. Called on the admin event loop: nothing here blocks. */
public interface Backend {
    /** Why the agent does not work at all, a sentence each; empty: it does. */
    List<String> notAlive();

    /** Why it should be sent no connections, a sentence each; empty: it should. */
    List<String> notReady();

    /** All that can be said of it, as JSON. */
    CompletableFuture<String> status();

    /** The same for a browser. */
    CompletableFuture<Page> page();

    /** The same in numbers, in the text format of Prometheus. */
    CompletableFuture<byte[]> metrics();

    /** Has the configuration read again. */
    CompletableFuture<Answer> reload();

    /** What {@link #reload} would do. */
    CompletableFuture<Answer> plan();

    /** Has it measure how fast a session is. */
    CompletableFuture<Answer> measure();

    /** Has it drain and end. */
    void drain();

    /** Has it end as SIGTERM does. */
    void end();

    /** Has its program started anew, which then takes over. */
    CompletableFuture<Answer> upgrade();

    /**
     * Another process wants to take over.
     *
     * @param pid of that process
     * @throws IOException with a sentence: it may not
     */
    Heir announce(long pid) throws IOException;

    /**
     * Connects a channel with a target.
     *
     * @param channel of a transport that the agent's is; not read, and with a Hold at the end of its pipeline; the
     *     agent's from here on
     * @param answer tells it what has become of that
     */
    void connect(DuplexChannel channel, Address target, HttpAnswer answer);

    /** Cuts off a connection. False: there is none with this id. */
    boolean kill(String id);

    /** A process that wants to take over from this one. */
    interface Heir {
        /** What the agent listens on now. It stays that until the heir is gone, or this agent drains. */
        List<ListeningSocket> sockets();

        /**
         * It is ready; done when it may accept; for a moment this agent may do so as well. Fails with a sentence if it
         * may not.
         */
        CompletableFuture<Void> ready();

        /** It is not there any more. If it has not taken over, nothing has changed. */
        void gone();
    }

    /**
     * A page of HTML.
     *
     * @param policy its Content-Security-Policy
     */
    record Page(String html, String policy) {}

    /**
     * What became of a request.
     *
     * @param text for people
     */
    record Answer(boolean done, String text) {}
}
