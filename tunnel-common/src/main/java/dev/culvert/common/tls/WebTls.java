package dev.culvert.common.tls;

import dev.culvert.mux.HostPort;
import io.netty.buffer.ByteBufAllocator;
import io.netty.handler.ssl.NotSslRecordException;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslProvider;
import java.io.IOException;
import java.nio.file.Path;
import java.security.cert.CertPathBuilderException;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.Optional;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * TLS as the web has it, to a web server on the way: its certificate has to be for its name and to lead to an authority that is trusted, and
 * we show none. It says nothing of who a session is with: that is what {@link Tls} is for, inside. Any thread.
 */
public final class WebTls {
    private final SslContext context;
    private final HostPort server;
    private final Duration handshakeTimeout;

    private WebTls(SslContext context, HostPort server, Duration handshakeTimeout) {
        this.context = context;
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
        return to(server, caFile, handshakeTimeout, null);
    }

    /** The same by the JDK's engine, since of the two it is the one that lets a direction end by itself, as TLS 1.3 does. */
    public static WebTls withHalfClose(HostPort server, Optional<Path> caFile, Duration handshakeTimeout)
            throws IOException {
        return to(server, caFile, handshakeTimeout, SslProvider.JDK);
    }

    private static WebTls to(
            HostPort server, Optional<Path> caFile, Duration handshakeTimeout, @Nullable SslProvider provider)
            throws IOException {
        SslContextBuilder builder =
                SslContextBuilder.forClient().sslProvider(provider).endpointIdentificationAlgorithm("HTTPS");
        if (caFile.isPresent()) {
            builder.trustManager(Identity.readCertificates(caFile.get()).toArray(new X509Certificate[0]));
        }
        try {
            return new WebTls(builder.build(), server, handshakeTimeout);
        } catch (SSLException e) {
            throw new IOException("the JVM's own authorities can not be used: " + e.getMessage(), e);
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

    /** Why a handshake has failed, in a sentence without its end. */
    public String explain(Throwable failure) {
        Throwable root = failure;
        boolean untrusted = false;
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof NotSslRecordException) {
                return "the web server does not speak TLS; write ws:// in upstream.servers if it is meant to speak without";
            }
            untrusted |= cause instanceof CertificateException || cause instanceof CertPathBuilderException;
            root = cause;
        }
        String message = root.getMessage() == null ? root.toString() : root.getMessage();
        return OneLine.of(
                untrusted
                        ? "the web server's certificate is not trusted: " + message
                                + "; if it is of an authority of your own, name that in upstream.tls.web-ca-file"
                        : "TLS with the web server failed: " + message);
    }
}
