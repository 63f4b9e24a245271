package dev.culvert.client;

import dev.culvert.common.splice.Connection;
import dev.culvert.common.splice.Splice;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.OpenRequest;
import io.netty.channel.ChannelOption;
import io.netty.channel.socket.SocketChannel;

/**
 * A local connection that was accepted and has no stream yet. Its channel belongs to no event loop, so that it can go to
 * whichever session is there first.
 */
record Arrival(SocketChannel channel, Connection connection, OpenRequest request, long deadline) {
    /** Resets it. */
    void reject(ErrorCode code, String reason) {
        if (channel.isRegistered()) {
            Splice.reset(channel);
        } else {
            channel.config().setOption(ChannelOption.SO_LINGER, 0);
            channel.unsafe().closeForcibly();
        }
        connection.end(code, "reset: " + reason);
    }
}
