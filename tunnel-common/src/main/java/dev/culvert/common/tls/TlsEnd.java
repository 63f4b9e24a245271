package dev.culvert.common.tls;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.ssl.SslCloseCompletionEvent;
import java.io.IOException;

/**
 * Makes the end of TLS that of the socket: close_notify is the end of a direction, and a FIN without it, which anybody
 * on the way could have made, is none (RFC 8446, section 6.1).
 */
final class TlsEnd extends ChannelInboundHandlerAdapter {
    private boolean ended;

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (event == SslCloseCompletionEvent.SUCCESS && !ended) {
            ended = true;
            ctx.fireUserEventTriggered(ChannelInputShutdownEvent.INSTANCE);
        } else if (event != ChannelInputShutdownEvent.INSTANCE) {
            ctx.fireUserEventTriggered(event);
        } else if (!ended) {
            ctx.fireExceptionCaught(
                    new IOException("it ended TCP without the end of TLS, so something may be missing"));
        }
    }
}
