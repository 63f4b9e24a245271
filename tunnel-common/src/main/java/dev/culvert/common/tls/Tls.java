package dev.culvert.common.tls;

import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.ChannelHandler;
import io.netty.handler.ssl.ClientAuth;
import io.netty.handler.ssl.OpenSsl;
import io.netty.handler.ssl.OpenSslEngine;
import io.netty.handler.ssl.OpenSslSessionContext;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslProvider;
import io.netty.internal.tcnative.SSL;
import java.time.Duration;
import java.util.List;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLException;

/**
 * TLS as this tunnel speaks it (RFC 8446): version 1.3, both sides show a certificate, no session is ever resumed. A
 * resumed one would skip the check of the certificate, and a key that was taken out of a configuration would go on
 * working.
 *
 * <p>BoringSSL where there is a native library for this machine, the JDK's engine elsewhere. Any thread.
 */
public final class Tls {
    private static final String VERSION = "TLSv1.3";
    /**
     * In seconds. A ticket is for a week at most (RFC 8446, section 4.6.1), so the JDK's engine gives out none for a
     * session of more.
     */
    private static final int NO_TICKETS = (int) Duration.ofDays(8).toSeconds();

    /** Time to load it on a slow machine, in ms. */
    private static final long LOADING = 2_000;

    private final SslContext context;
    private final Identity own;
    private final Duration handshakeTimeout;

    private Tls(SslContextBuilder builder, SslProvider provider, Identity identity, Duration handshakeTimeout) {
        try {
            context = builder.sslProvider(provider)
                    .protocols(VERSION)
                    .keyStoreType("JKS") // the default encrypts the key in memory, which takes 90 ms
                    .endpointIdentificationAlgorithm(null) // Trust looks at the names, where names count
                    .build();
        } catch (SSLException e) {
            throw new IllegalStateException("this JVM has no " + VERSION + ": " + e.getMessage(), e);
        }
        if (context.sessionContext() instanceof OpenSslSessionContext sessions) {
            sessions.setSessionCacheEnabled(false);
        } else {
            context.sessionContext().setSessionTimeout(NO_TICKETS);
        }
        own = identity;
        this.handshakeTimeout = handshakeTimeout;
    }

    /**
     * Loads the native library and what goes with it, on a thread of its own: at the start of an agent that takes as
     * long as all else. The JVM does not end before, for two seconds at most: Netty loads a copy in the directory of
     * temporary files, which would stay there.
     */
    public static void load() {
        Thread loading = new Thread(Tls::best, "tls");
        loading.setDaemon(true);
        loading.start();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> awaitEnd(loading), "tls-end"));
    }

    private static void awaitEnd(Thread loading) {
        try {
            loading.join(LOADING);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // who ends the JVM has no more time
        }
    }

    /** The dialling side. */
    public static Tls client(Identity identity, Trust trust, Duration handshakeTimeout) {
        return client(best(), identity, trust, handshakeTimeout);
    }

    static Tls client(SslProvider provider, Identity identity, Trust trust, Duration handshakeTimeout) {
        SslContextBuilder builder = SslContextBuilder.forClient()
                .keyManager(identity.key(), identity.chain())
                .trustManager(new TrustManager(trust));
        return new Tls(builder, provider, identity, handshakeTimeout);
    }

    /** The listening side. */
    public static Tls server(Identity identity, Trust trust, Duration handshakeTimeout) {
        return server(best(), identity, trust, handshakeTimeout);
    }

    static Tls server(SslProvider provider, Identity identity, Trust trust, Duration handshakeTimeout) {
        SslContextBuilder builder = SslContextBuilder.forServer(identity.key(), identity.chain())
                .trustManager(new TrustManager(trust))
                .clientAuth(ClientAuth.REQUIRE);
        return new Tls(builder, provider, identity, handshakeTimeout);
    }

    private static SslProvider best() {
        return OpenSsl.isAvailable() ? SslProvider.OPENSSL : SslProvider.JDK;
    }

    /** Who we are. */
    public Identity own() {
        return own;
    }

    /** The handlers of one connection; the last one tells {@code gate} how the handshake ends. */
    public List<ChannelHandler> newHandlers(ByteBufAllocator allocator, TlsGate.Listener gate) {
        SSLEngine engine = context.newEngine(allocator);
        if (engine instanceof OpenSslEngine openSsl) {
            SSL.setOptions(openSsl.sslPointer(), SSL.SSL_OP_NO_TICKET); // Netty allows them where TLS 1.3 is spoken
        }
        SslHandler handler = new SslHandler(engine);
        handler.setHandshakeTimeoutMillis(handshakeTimeout.toMillis());
        handler.setCloseNotifyReadTimeoutMillis(0);
        return List.of(handler, new TlsGate(handler, own, gate));
    }
}
