package dev.culvert.mux;

/** What happens to a session. Every call is made on the session's event loop. */
public interface SessionListener {
    /** The peer has answered, streams may be opened. */
    default void onUp(MuxSession session) {}

    /** Streams may be opened again: there were as many as the peer takes, and one of them has ended. */
    default void onOpenable(MuxSession session) {}

    /**
     * The peer opened a stream. It takes data from now on and keeps it, within its window, until
     * {@link MuxStream#attach}. Do so, or {@link MuxStream#reset reset} it.
     */
    void onStream(MuxSession session, MuxStream stream);

    /**
     * A stream that the peer opened was refused, because of a limit or because no new ones are taken. As often as the
     * peer likes.
     *
     * @param text a sentence for the log
     */
    default void onRefused(MuxSession session, ErrorCode code, String text) {}

    /**
     * The peer takes no new streams; the open ones may finish. Told once; what it says last goes to {@link #onClosed}.
     */
    default void onGoAway(MuxSession session, ErrorCode code, String text) {}

    /**
     * No new streams may come, because one of the two sides said so, and the last open one has ended: the session has
     * no use.
     */
    default void onDrained(MuxSession session) {}

    /**
     * The peer wants another session to be carried by this connection from now on. Where the answer is yes, this
     * session is over without a word, and {@link MuxConnection#carry} comes next.
     *
     * @param token names the other session
     * @param peerHas bytes of it that the peer has
     * @return whether it shall be so; if not, this session comes up on a server, and is over on a client: what it has
     *     asked for is what the connection carries for the server
     */
    default boolean onResume(MuxSession session, Token token, long peerHas) {
        return false;
    }

    /**
     * The link is lost, and the streams wait for another one: for as long as both sides are ready to, or until
     * {@link MuxSession#close}.
     *
     * @param text a sentence for the log
     */
    default void onLost(MuxSession session, String text) {}

    /** Another connection carries the session, and nothing is lost. */
    default void onResumed(MuxSession session) {}

    /**
     * The session is over; all its streams have been reset. Nothing follows.
     *
     * @param text a sentence for the log
     */
    void onClosed(MuxSession session, ErrorCode code, String text);
}
