package dev.culvert.common.tls;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.DecoderException;
import io.netty.handler.ssl.NotSslRecordException;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.netty.handler.ssl.SslHandshakeTimeoutException;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.security.cert.X509Certificate;
import java.util.Locale;
import java.util.Objects;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLPeerUnverifiedException;

/**
 * Stands behind the {@link SslHandler}: tells when the peer is known, and puts what goes wrong with TLS, then and later, into words
 * that say what to do.
 */
public final class TlsGate extends ChannelInboundHandlerAdapter {
    private final Fingerprint own;
    private final Listener listener;
    private boolean done;

    /** Hears, on the event loop, how a handshake ends; one of the two, once. */
    public interface Listener {
        /** The peer is trusted and has the key of {@code certificate}. What comes next goes to the handlers added now. */
        void onTrusted(ChannelHandlerContext ctx, X509Certificate certificate);

        /** It came to nothing, and the channel is being closed. */
        void onFailed(String reason);
    }

    TlsGate(Fingerprint own, Listener listener) {
        this.own = own;
        this.listener = listener;
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (event instanceof SslHandshakeCompletionEvent completion && !done) {
            done = true;
            if (completion.isSuccess()) {
                listener.onTrusted(ctx, peer(ctx));
            } else {
                ctx.close();
                listener.onFailed(explain(completion.cause()));
            }
        }
        ctx.fireUserEventTriggered(event);
    }

    private static X509Certificate peer(ChannelHandlerContext ctx) {
        SslHandler handler = Objects.requireNonNull(ctx.pipeline().get(SslHandler.class));
        try {
            return (X509Certificate) handler.engine().getSession().getPeerCertificates()[0];
        } catch (SSLPeerUnverifiedException e) {
            throw new IllegalStateException("a handshake without a certificate has succeeded", e);
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        if (!done) {
            done = true;
            listener.onFailed("the peer closed the connection before the TLS handshake");
        }
        ctx.fireChannelInactive();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        if (done && isOfTls(cause)) {
            ctx.fireExceptionCaught(new IOException(explain(cause)));
        } else if (done) {
            ctx.fireExceptionCaught(cause);
        } // else the handshake is about to fail, and will say it
    }

    private static boolean isOfTls(Throwable cause) {
        return cause instanceof SSLException
                || (cause instanceof DecoderException && cause.getCause() instanceof SSLException);
    }

    private String explain(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof UntrustedPeer) {
                return String.valueOf(cause.getMessage());
            } else if (cause instanceof NotSslRecordException) {
                return "the peer does not speak TLS";
            } else if (cause instanceof SslHandshakeTimeoutException) {
                return "no TLS handshake in time";
            } else if (cause instanceof ClosedChannelException) {
                return "the peer closed the connection during the TLS handshake";
            }
        }
        Throwable root = failure;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        return explainAlert(String.valueOf(root.getMessage()));
    }

    /** BoringSSL writes {@code SSLV3_ALERT_CERTIFICATE_UNKNOWN}, the JDK {@code Received fatal alert: certificate_unknown}. */
    private String explainAlert(String message) {
        String alert = message.toLowerCase(Locale.ROOT);
        if (!alert.contains("alert")) {
            return "TLS failed: " + message;
        } else if (alert.contains("certificate") || alert.contains("unknown_ca") || alert.contains("access_denied")) {
            return "the peer does not accept our key " + own + "; list it there, and check that it is this agent's";
        } else if (alert.contains("protocol_version")) {
            return "the peer does not speak TLS 1.3";
        }
        return "the peer ended TLS: " + message;
    }
}
