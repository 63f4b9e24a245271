package dev.culvert.common.net;

import dev.culvert.mux.MuxConnection;
import dev.culvert.mux.MuxSession;
import io.netty.channel.ChannelPipeline;

/**
 * The end of the pipeline of each channel that carries a session: the session's connection, and those who watch over
 * it.
 */
public final class SessionPipeline {
    private SessionPipeline() {}

    /** Has the channel carry {@code session} from now on. Event loop only. */
    public static MuxConnection addTo(ChannelPipeline pipeline, MuxSession session) {
        MuxConnection connection = new MuxConnection(session);
        pipeline.addLast(connection, new OutOfMemory());
        PathWatch.addTo(pipeline, connection);
        return connection;
    }
}
