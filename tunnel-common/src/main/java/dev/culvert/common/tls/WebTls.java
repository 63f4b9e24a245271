package dev.culvert.common.tls;

import dev.culvert.mux.HostPort;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.ChannelHandler;
import io.netty.handler.ssl.NotSslRecordException;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslProvider;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.file.Path;
import java.security.cert.CertPathBuilderException;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.PKIXReason;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Optional;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * TLS as the web has it, to a web server on the way, or to a target: its certificate has to be for its name and to lead
 * to an authority that is trusted, and we show none. It says nothing of who a session is with: that is what {@link Tls}
 * is for, inside. Any thread.
 */
public final class WebTls {
    private final SslContext context;
    private final Peer peer;
    private final HostPort server;
    private final Duration handshakeTimeout;

    /** Whom it is spoken with, in words for errors. */
    private enum Peer {
        WEB_SERVER(
                "the web server",
                "write ws:// in upstream.servers",
                "upstream.tls.web-ca-file",
                "write the name that it is for in upstream.servers"),
        TARGET(
                "the target",
                "remove target-tls",
                "target-tls.ca-file",
                "name whom it is for in target-tls.server-name");

        private final String words;
        private final String without;
        private final String caKey;
        private final String otherName;

        Peer(String words, String without, String caKey, String otherName) {
            this.words = words;
            this.without = without;
            this.caKey = caKey;
            this.otherName = otherName;
        }
    }

    private WebTls(SslContext context, Peer peer, HostPort server, Duration handshakeTimeout) {
        this.context = context;
        this.peer = peer;
        this.server = server;
        this.handshakeTimeout = handshakeTimeout;
    }

    /**
     * To one web server. Reads the file, blocks.
     *
     * @param caFile the authorities that are trusted; empty: those of the JDK
     * @throws IOException with a sentence for the user
     */
    public static WebTls to(HostPort server, Optional<Path> caFile, Duration handshakeTimeout) throws IOException {
        return to(Peer.WEB_SERVER, server, caFile, handshakeTimeout, null);
    }

    /**
     * To a target; by the JDK's engine, since of the two it is the one that lets a direction end by itself, as TLS 1.3
     * does.
     */
    public static WebTls toTarget(HostPort target, Optional<Path> caFile, Duration handshakeTimeout)
            throws IOException {
        return to(Peer.TARGET, target, caFile, handshakeTimeout, SslProvider.JDK);
    }

    private static WebTls to(
            Peer peer,
            HostPort server,
            Optional<Path> caFile,
            Duration handshakeTimeout,
            @Nullable SslProvider provider)
            throws IOException {
        SslContextBuilder builder =
                SslContextBuilder.forClient().sslProvider(provider).endpointIdentificationAlgorithm("HTTPS");
        if (caFile.isPresent()) {
            builder.trustManager(Identity.readCertificates(caFile.get()).toArray(new X509Certificate[0]));
        }
        try {
            return new WebTls(builder.build(), peer, server, handshakeTimeout);
        } catch (SSLException e) {
            throw new IOException("the JVM's own authorities cannot be used: " + e.getMessage(), e);
        }
    }

    /** Reads the file, to find out whether it can be used. Blocks; throws with a sentence for the user. */
    public static void check(Path caFile) throws IOException {
        Identity.readCertificates(caFile);
    }

    /** The handler of one connection. */
    public SslHandler newHandler(ByteBufAllocator allocator) {
        SslHandler handler = context.newHandler(allocator, server.host(), server.port());
        handler.setHandshakeTimeoutMillis(handshakeTimeout.toMillis());
        handler.setCloseNotifyReadTimeoutMillis(0);
        return handler;
    }

    /** The handlers of one connection: what comes from them is plain text, and its ends. */
    public ChannelHandler[] newHandlers(ByteBufAllocator allocator) {
        return new ChannelHandler[] {newHandler(allocator), new NotTls(), new TlsEnd()};
    }

    /** Why a handshake has failed, in a sentence without its end. */
    public String explain(Throwable failure) {
        Throwable root = failure;
        boolean untrusted = false;
        String advice = "";
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof NotSslRecordException) {
                return peer.words + " does not speak TLS; " + peer.without + " if it is meant to speak without";
            }
            if (cause instanceof ClosedChannelException) {
                return peer.words + " closed the connection within the handshake of TLS";
            }
            untrusted |= cause instanceof CertificateException || cause instanceof CertPathBuilderException;
            if (untrusted) {
                advice = advice(cause).orElse(advice);
            }
            root = cause;
        }
        String message = root.getMessage() == null ? root.toString() : root.getMessage();
        return OneLine.of(
                untrusted
                        ? peer.words + "'s certificate is not trusted: " + message + advice
                        : "TLS with " + peer.words + " failed: " + message);
    }

    /** What to do about one of the causes of which a certificate is not trusted; empty: it does not say. */
    private Optional<String> advice(Throwable cause) {
        boolean leadsNowhere = cause instanceof CertPathBuilderException
                || (cause instanceof CertPathValidatorException path && path.getReason() == PKIXReason.NO_TRUST_ANCHOR);
        if (leadsNowhere) {
            return Optional.of("; if it is of an authority of your own, name that in " + peer.caKey);
        } else if (cause instanceof CertificateExpiredException) {
            return Optional.of("; it has expired: " + peer.words + " needs a new one, or the clock here is wrong");
        } else if (cause instanceof CertificateNotYetValidException) {
            return Optional.of("; it is not valid yet: look whether the clock here is right");
        }
        return cause.getClass() == CertificateException.class // as HTTPS throws it, of the name (RFC 2818, 3.1)
                ? Optional.of("; if that is whom you mean, " + peer.otherName)
                : Optional.empty();
    }
}
