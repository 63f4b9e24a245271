package dev.culvert.common.splice;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPromise;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.handler.ssl.SslHandler;

/** How the socket of a connection ends: by a FIN after its last byte, or by a reset. Event loop of the channel only. */
final class SocketEnd {
    private SocketEnd() {}

    /**
     * From now on every close is a reset, also that of a killed process: a FIN after half of the data would be a lie.
     * {@link #close} is not.
     */
    static void resetOnClose(Channel channel) {
        channel.config().setOption(ChannelOption.SO_LINGER, 0);
    }

    /** What is written next goes with the FIN, in one packet. For epoll; NIO does not know it. */
    static void waitForFin(Channel channel) {
        if (channel.isOpen()) {
            channel.config().setOption(EpollChannelOption.TCP_CORK, true);
        }
    }

    /**
     * All has been written; done when it has gone out, and an end of TLS behind it, if there is TLS. Where that cannot
     * be said, the socket's end is all there is, and the peer sees that it is not enough.
     */
    static ChannelFuture lastWords(Channel channel) {
        ChannelFuture written = channel.writeAndFlush(Unpooled.EMPTY_BUFFER); // the last piece, where it goes in pieces
        SslHandler tls = channel.pipeline().get(SslHandler.class);
        if (tls == null) {
            return written;
        }
        ChannelPromise said = channel.newPromise();
        written.addListener(done -> {
            if (done.isSuccess()) {
                tls.closeOutbound().addListener(closed -> said.setSuccess());
            } else {
                said.setFailure(done.cause());
            }
        });
        return said;
    }

    /** Closes a channel in good order. */
    static void close(Channel channel) {
        if (channel.isOpen()) {
            endInGoodOrder(channel);
            channel.close();
        }
    }

    /** Whoever closes the channel from now on closes it in good order. */
    static void endInGoodOrder(Channel channel) {
        channel.config().setOption(ChannelOption.SO_LINGER, -1);
    }

    /** Closes a channel so that its peer sees a reset, if there is such a thing there. */
    static void reset(Channel channel) {
        if (channel.isOpen()) { // else it was closed a moment ago, takes no options, and its handlers hear of it next
            resetOnClose(channel);
            // Not by way of TLS, which would say goodbye.
            ChannelHandlerContext outermost = channel.pipeline().firstContext();
            if (outermost == null) {
                channel.close();
            } else {
                outermost.close();
            }
        }
    }
}
