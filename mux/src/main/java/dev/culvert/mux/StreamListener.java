package dev.culvert.mux;

import io.netty.buffer.ByteBuf;

/** What happens to a stream. Every call is made on the session's event loop. */
public interface StreamListener {
    /** The peer has accepted the stream; with a tunnel: the dial succeeded. A stock peer never tells. */
    default void onOpened(MuxStream stream) {}

    /**
     * Data has arrived, in order. Takes {@code data}; give its size to {@link MuxStream#consumed} when done with it, or
     * the peer will stop sending.
     */
    void onData(MuxStream stream, ByteBuf data);

    /** The peer has sent its last byte; this direction is over, the other may go on. */
    void onFin(MuxStream stream);

    /**
     * The stream ended in both directions at once: the peer reset it, a limit did, or the session was lost. Nothing
     * follows.
     *
     * @param text a sentence for the log, may be empty
     */
    void onReset(MuxStream stream, ErrorCode code, String text);

    /** {@link MuxStream#isWritable()} has become true again. */
    default void onWritable(MuxStream stream) {}
}
