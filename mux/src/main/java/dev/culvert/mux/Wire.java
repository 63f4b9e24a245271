package dev.culvert.mux;

import io.netty.buffer.ByteBuf;

/** What a session needs of the connection under it. The session outlives it. */
interface Wire {
    /** Something waits to be sent, or the time of the next {@link MuxSession#tick} has changed: see to it soon. */
    void wake();

    /** Much waits to be sent: see to it now. */
    void send();

    /** Whether to read on. */
    void reading(boolean on);

    /** Bytes have come that are for the session which is carried now. Takes {@code in}. */
    void pass(ByteBuf in);

    /** Sends the control frames that are queued, then closes. */
    void close();

    /** Closes at once, without a word. */
    void drop();
}
