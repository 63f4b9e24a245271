package dev.culvert.client;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelOption;

/** The last words to an application that could not be served. */
final class Farewell {
    private Farewell() {}

    /** Says them, to be released here, and closes the channel in good order. Event loop only. */
    static void say(Channel channel, ByteBuf words) {
        if (channel.isOpen()) {
            channel.config().setOption(ChannelOption.SO_LINGER, -1); // a splice resets what it does not end
            channel.writeAndFlush(words).addListener(ChannelFutureListener.CLOSE);
        } else {
            words.release();
        }
    }
}
