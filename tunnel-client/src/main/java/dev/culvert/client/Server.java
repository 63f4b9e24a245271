package dev.culvert.client;

import dev.culvert.common.net.Dialer;
import dev.culvert.common.net.Proxy;
import dev.culvert.common.net.SessionSocket;
import dev.culvert.common.tls.Authority;
import dev.culvert.common.tls.Fingerprint;
import dev.culvert.common.tls.Identity;
import dev.culvert.common.tls.Tls;
import dev.culvert.common.tls.TlsGate;
import dev.culvert.common.tls.Trust;
import dev.culvert.common.tls.UntrustedPeer;
import dev.culvert.common.tls.WebTls;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.ProtocolVersion;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A server that sessions may go to.
 *
 * @param weight how often it is chosen beside others; 0: they are tried in order
 * @param proxy leads to it, where it is not reached directly
 * @param web from the web server that it is behind; null: it is behind none
 * @param tls knows it and us; null: nothing is encrypted
 */
record Server(
        Location location,
        int weight,
        Optional<Proxy> proxy,
        @Nullable WebWay web,
        @Nullable Tls tls) {
    /** Reads the files of {@code upstream.tls}. Blocks; throws with a sentence for the user. */
    static Server of(UpstreamConfig.Listed listed, UpstreamConfig upstream) throws IOException {
        Location location = listed.location();
        Optional<Proxy> proxy = upstream.proxy().to(location.address());
        Optional<Path> webCaFile = upstream.tls().flatMap(UpstreamTlsConfig::webCaFile);
        WebWay web = way(location, webCaFile, upstream.connectTimeout());
        if (upstream.tls().isEmpty()) {
            return new Server(location, listed.weight(), proxy, web, null);
        }
        UpstreamTlsConfig config = upstream.tls().get();
        Identity identity = config.files().identity();
        Authority authority = config.files().authority().orElse(null);
        String host = config.serverName().orElse(location.address().host());
        Trust trust = authority == null
                ? chain -> checkKey(Fingerprint.of(chain[0].getPublicKey()), config.serverKeys())
                : chain -> authority.checkServer(chain, host);
        return new Server(
                location, listed.weight(), proxy, web, Tls.client(identity, trust, upstream.connectTimeout()));
    }

    /**
     * How one goes on from the address of {@code location}; null: one is there. Blocks; throws with a sentence for the
     * user.
     */
    static @Nullable WebWay way(Location location, Optional<Path> webCaFile, Duration timeout) throws IOException {
        return switch (location.scheme()) {
            case TCP -> null;
            case WS -> new WebWay(location, null, timeout);
            case WSS -> new WebWay(location, WebTls.to(location.address(), webCaFile, timeout), timeout);
        };
    }

    private static void checkKey(Fingerprint shown, List<Fingerprint> expected) throws UntrustedPeer {
        if (!expected.contains(shown)) {
            throw new UntrustedPeer("the server's key is " + shown + ", expected "
                    + expected.stream().map(Fingerprint::toString).collect(Collectors.joining(" or "))
                    + ". If the server has a new key, which `tunnel-server keygen` prints there, set it as"
                    + " upstream.tls.server-key; if not, this is not the server");
        }
    }

    /** Whose address is looked up here, and dialled. */
    HostPort dialled() {
        return proxy.map(Proxy::address).orElse(location.address());
    }

    /**
     * Dials it, as {@link Dialer} has it, and goes by its proxy and its web server. What it says by itself goes to the
     * handlers that listeners of the future add at once.
     */
    Future<Channel> reach(Dialer dialer, EventLoop loop) {
        Future<Channel> dial = proxy.isPresent()
                ? dialer.dial(loop, location.address(), proxy.get())
                : dialer.dial(loop, location.address(), any -> true);
        return web == null ? dial : web.follow(dial, loop, web.timeout());
    }

    /**
     * Begins to speak on a new connection to this server, which shows who it is; only then there can be a session.
     * Event loop only.
     *
     * @param trusted adds what speaks to the pipeline; gets what the server has shown, nothing where nothing is
     *     encrypted
     * @param failed told why, and what to do about it, where it comes to nothing
     */
    void greet(
            Channel channel, SessionSocket socket, Consumer<List<X509Certificate>> trusted, Consumer<String> failed) {
        socket.fit(channel);
        channel.config().setOption(ChannelOption.ALLOW_HALF_CLOSURE, false);
        if (tls == null) {
            trusted.accept(List.of());
        } else {
            tls.newHandlers(channel.alloc(), handshake(trusted, failed)).forEach(channel.pipeline()::addLast);
        }
        channel.config().setAutoRead(true);
    }

    private static TlsGate.Listener handshake(Consumer<List<X509Certificate>> trusted, Consumer<String> failed) {
        return new TlsGate.Listener() {
            @Override
            public void onTrusted(ChannelHandlerContext ctx, X509Certificate[] chain) {
                trusted.accept(List.of(chain));
            }

            @Override
            public void onFailed(String reason) {
                failed.accept(reason
                        + switch (reason) {
                            case TlsGate.NO_TLS ->
                                "; correct upstream.servers, or set upstream.tls = off if it is meant to speak without";
                            case TlsGate.CLOSED ->
                                "; the server's log says why: it may have tls = off, which takes upstream.tls = off here";
                            default -> "";
                        });
            }
        };
    }

    /** What to do about a session that has not come up; may be nothing. */
    String advice(MuxSession session) {
        if (session.unexpectedVersion().isPresent()) {
            return switch (session.unexpectedVersion().getAsInt()) {
                case 1 -> ". If this is a stock smux server, set upstream.protocol = smux-v1";
                case 2 -> ". If this is a stock smux server, set upstream.protocol = smux-v2";
                case 0x82 -> ". If this is a Culvert server, set upstream.protocol = culvert";
                default -> ". This is no tunnel server: correct upstream.servers";
            };
        }
        // One with TLS does not answer to who speaks without. A stock server behind TLS is rare enough that another
        // cause is likelier.
        return session.version() == ProtocolVersion.CULVERT && tls == null
                ? ". If this is a tunnel-server, which speaks TLS unless told otherwise, remove upstream.tls = off; if it is a"
                        + " stock smux server, set upstream.protocol = smux-v1 or smux-v2"
                : "";
    }

    @Override
    public String toString() {
        return location + proxy.map(by -> " through the proxy " + by).orElse("");
    }
}
