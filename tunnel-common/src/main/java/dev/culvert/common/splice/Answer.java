package dev.culvert.common.splice;

import dev.culvert.mux.ErrorCode;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;

/**
 * How whoever has connected is told what has become of it. TCP has no words for that: a socket that nobody can serve is
 * reset. A proxy's protocol has. Event loop of the channel only.
 */
public interface Answer {
    /** In no words. */
    Answer RESET = new Answer() {};

    /** The target has answered: what comes next is from there. */
    default void opened(Channel channel) {}

    /** The target has not been reached; closes the channel. */
    default void refused(Channel channel, ErrorCode code, String reason) {
        SocketEnd.reset(channel);
    }

    /** Says the last words, to be released here, and closes the channel in good order. */
    static void farewell(Channel channel, ByteBuf words) {
        if (channel.isOpen()) {
            SocketEnd.endInGoodOrder(channel); // a splice resets what it does not end
            channel.writeAndFlush(words).addListener(ChannelFutureListener.CLOSE);
        } else {
            words.release();
        }
    }
}
