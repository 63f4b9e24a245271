package dev.culvert.common.tls;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.ssl.NotSslRecordException;
import io.netty.handler.ssl.SslHandler;
import java.io.IOException;

/**
 * Stands behind an {@link SslHandler}, whose exception quotes what has come instead of TLS: that may be a password, and
 * is for no log.
 */
public final class NotTls extends ChannelInboundHandlerAdapter {
    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        ctx.fireExceptionCaught(
                cause.getCause() instanceof NotSslRecordException ? new IOException(TlsGate.NO_TLS, cause) : cause);
    }
}
