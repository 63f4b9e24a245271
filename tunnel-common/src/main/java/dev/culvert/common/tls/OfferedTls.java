package dev.culvert.common.tls;

import dev.culvert.mux.SystemError;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.ChannelHandler;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.NotSslRecordException;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslProvider;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLException;

/**
 * TLS as it is offered to local applications: versions 1.3 and 1.2, with a certificate of the user's. By the JDK's
 * engine, since of the two it is the one that lets a direction end by itself, as TLS 1.3 does (RFC 8446, section 6.1).
 * Any thread.
 */
public final class OfferedTls {
    private static final String[] VERSIONS = {"TLSv1.3", "TLSv1.2"};

    private final SslContext context;

    private OfferedTls(SslContext context) {
        this.context = context;
    }

    /**
     * Throws with a sentence for the user.
     *
     * @param authority who vouches for applications, which have to show a certificate then; empty: they need none
     */
    public static OfferedTls of(Identity identity, Optional<Authority> authority) throws IOException {
        SslContextBuilder builder = SslContextBuilder.forServer(identity.key(), identity.chain())
                .sslProvider(SslProvider.JDK)
                .protocols(VERSIONS)
                .keyStoreType("JKS"); // the default encrypts the key in memory, which takes 90 ms
        authority.ifPresent(vouching ->
                builder.trustManager(new TrustManager(vouching::checkClient)).clientAuth(ClientAuth.REQUIRE));
        try {
            return new OfferedTls(builder.build());
        } catch (SSLException e) {
            throw new IOException("the certificate cannot be used: " + e.getMessage(), e);
        }
    }

    /** The handlers of one connection: what comes from them is plain text, and its ends. */
    public List<ChannelHandler> newHandlers(ByteBufAllocator allocator, Duration handshakeTimeout) {
        SslHandler handler = context.newHandler(allocator);
        handler.setHandshakeTimeoutMillis(handshakeTimeout.toMillis());
        handler.setCloseNotifyReadTimeoutMillis(0);
        return List.of(handler, new NotTls(), new TlsEnd());
    }

    /** Why a handshake has failed. */
    public static String explain(Throwable failure) {
        return failure instanceof NotSslRecordException
                ? TlsGate.NO_TLS
                : "no TLS: " + OneLine.of(SystemError.words(failure));
    }
}
