package dev.culvert.common.tls;

import dev.culvert.common.net.OutOfMemory;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.DecoderException;
import io.netty.handler.ssl.NotSslRecordException;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.netty.handler.ssl.SslHandshakeTimeoutException;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLPeerUnverifiedException;

/**
 * Stands behind the {@link SslHandler}: tells when the peer is known, and puts what goes wrong with TLS, then and
 * later, into words that say what to do.
 */
public final class TlsGate extends ChannelInboundHandlerAdapter {
    /** The reason where a handshake failed since the other side has none. */
    public static final String NO_TLS = "the peer does not speak TLS";

    /** The reason where the other side has ended it without a word. */
    public static final String CLOSED = "the peer closed the connection during the TLS handshake";

    private final SslHandler handler;
    private final Identity own;
    private final Listener listener;
    private State state = State.SHAKING_HANDS;

    private enum State {
        SHAKING_HANDS,
        TRUSTED,
        FAILED
    }

    /** Hears, on the event loop, how a handshake ends; one of the two, once. */
    public interface Listener {
        /**
         * The peer is trusted and has the key of the first certificate. What comes next goes to the handlers added now.
         */
        void onTrusted(ChannelHandlerContext ctx, X509Certificate[] chain);

        /** It came to nothing, and the channel is being closed. */
        void onFailed(String reason);
    }

    /** @param handler that it stands behind; there may be another one further out */
    TlsGate(SslHandler handler, Identity own, Listener listener) {
        this.handler = handler;
        this.own = own;
        this.listener = listener;
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (event instanceof SslHandshakeCompletionEvent completion && state == State.SHAKING_HANDS) {
            if (completion.isSuccess()) {
                state = State.TRUSTED;
                listener.onTrusted(ctx, peer());
            } else {
                state = State.FAILED;
                ctx.close();
                listener.onFailed(explain(completion.cause()));
            }
        }
        ctx.fireUserEventTriggered(event);
    }

    private X509Certificate[] peer() {
        try {
            Certificate[] chain = handler.engine().getSession().getPeerCertificates();
            return Arrays.copyOf(chain, chain.length, X509Certificate[].class);
        } catch (SSLPeerUnverifiedException e) {
            throw new IllegalStateException("a handshake without a certificate has succeeded", e);
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        if (state == State.SHAKING_HANDS) {
            state = State.FAILED;
            listener.onFailed("the peer closed the connection before the TLS handshake");
        }
        ctx.fireChannelInactive();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        OutOfMemory.check(cause);
        if (state == State.TRUSTED) {
            ctx.fireExceptionCaught(isOfTls(cause) ? new IOException(explain(cause)) : cause);
        } // else the end of the handshake says it
    }

    private static boolean isOfTls(Throwable cause) {
        return cause instanceof SSLException
                || (cause instanceof DecoderException && cause.getCause() instanceof SSLException);
    }

    /** One line: what cannot be read in a certificate is quoted by the JDK. */
    private String explain(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof UntrustedPeer) {
                return String.valueOf(cause.getMessage());
            } else if (cause instanceof NotSslRecordException) {
                return NO_TLS;
            } else if (cause instanceof SslHandshakeTimeoutException) {
                return "no TLS handshake in time";
            } else if (cause instanceof ClosedChannelException) {
                return CLOSED;
            }
        }
        Throwable root = failure;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        return explain(String.valueOf(root.getMessage()));
    }

    /**
     * Where BoringSSL writes {@code SSLV3_ALERT_CERTIFICATE_UNKNOWN}, the JDK writes {@code Received fatal alert:
     * certificate_unknown}.
     */
    private String explain(String message) {
        String lower = message.toLowerCase(Locale.ROOT);
        if (lower.contains("did_not_return_a_certificate") || lower.contains("empty client certificate chain")) {
            return "the peer has shown no certificate";
        } else if (lower.contains("protocol_version")
                || lower.contains("unsupported_protocol")
                || lower.contains("is not enabled or supported")) {
            return "the peer does not speak TLS 1.3";
        } else if (!lower.contains("alert")) {
            return OneLine.of("TLS failed: " + message);
        } else if (lower.contains("certificate") || lower.contains("unknown_ca") || lower.contains("access_denied")) {
            return notAccepted();
        }
        return OneLine.of("the peer ended TLS: " + message);
    }

    private String notAccepted() {
        String what = "the peer does not accept our key " + own;
        Optional<String> lapse = own.lapse(Instant.now());
        if (lapse.isPresent()) {
            return what + ", and " + lapse.get() + "; renew it, or list the key there";
        } else if (own.isSelfSigned()) {
            return what + "; list it there, and check that it is this agent's";
        }
        return what + ", with the certificate of " + own.subject()
                + "; check that ca-file there vouches for it and that its name is listed, or list the key";
    }
}
