package dev.culvert.server;

import dev.culvert.common.config.TlsConfig;
import dev.culvert.common.lifecycle.Agent;
import dev.culvert.common.lifecycle.AgentCommand;
import dev.culvert.common.lifecycle.Sessions;
import dev.culvert.common.lifecycle.StartFailure;
import dev.culvert.common.net.Acceptor;
import dev.culvert.common.net.Dialer;
import dev.culvert.common.net.TcpOption;
import dev.culvert.common.net.Transport;
import dev.culvert.common.splice.Connections;
import dev.culvert.common.tls.Tls;
import dev.culvert.common.tls.TlsGate;
import dev.culvert.common.tls.UntrustedPeer;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.MuxConnection;
import dev.culvert.mux.MuxSession;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.socket.SocketChannel;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Ticker;
import java.io.IOException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The server agent: accepts sessions, dials the target of every stream, and joins the two. */
public final class TunnelServer implements Agent {
    private static final Logger LOG = LoggerFactory.getLogger(TunnelServer.class);

    private final ServerConfig config;
    private final Transport transport = Transport.best();
    private final EventLoopGroup accepting = transport.newEventLoops(1, "accept");
    /** Each session, with all its connections, lives on one of these. */
    private final EventLoopGroup loops =
            transport.newEventLoops(Runtime.getRuntime().availableProcessors(), "server");

    private final Connections connections = new Connections(Ticker.systemTicker());
    private final Sessions sessions = new Sessions(connections);
    private final Dialer dialer;
    private final List<Endpoint> endpoints;
    private final EventLoop accepts = accepting.next();
    private final Handshakes handshakes;
    private final Refusals refusals = new Refusals(Ticker.systemTicker());
    private final Clients clients;
    /** Null: nothing is encrypted. */
    private final @Nullable Tls tls;

    private final List<Acceptor> acceptors = new ArrayList<>();
    private final Map<String, HostPort> listening = new LinkedHashMap<>();

    TunnelServer(ServerConfig config) throws StartFailure {
        this.config = config;
        handshakes = new Handshakes(config.limits().handshakes());
        try {
            TlsConfig files = config.tls().orElse(null);
            clients = new Clients(
                    config.clients(), config.anonymous(), files == null ? Optional.empty() : files.authority());
            tls = files == null
                    ? null
                    : Tls.server(
                            files.identity(), clients::identify, config.limits().handshakeTimeout());
        } catch (IOException e) {
            throw new StartFailure(String.valueOf(e.getMessage()));
        }
        dialer = new Dialer(transport, config.dialTimeout());
        endpoints = config.endpoints("culvert " + AgentCommand.version());
    }

    @Override
    public void start() throws StartFailure, InterruptedException {
        for (Endpoint endpoint : endpoints) {
            Acceptor acceptor = new Acceptor(
                    transport,
                    accepts,
                    endpoint.name(),
                    config.limits().sessions() + config.limits().handshakes(),
                    (from, channel) -> begin(endpoint, from, channel));
            acceptors.add(acceptor);
            try {
                listening.put(endpoint.name(), acceptor.bind(endpoint.listen()));
            } catch (IOException e) {
                throw new StartFailure(String.valueOf(e.getMessage()));
            }
            LOG.info("{}: listening on {}", endpoint.name(), listening(endpoint.name()));
        }
    }

    /** Where an endpoint listens. */
    HostPort listening(String endpoint) {
        return Objects.requireNonNull(listening.get(endpoint));
    }

    private void begin(Endpoint endpoint, Acceptor acceptor, SocketChannel channel) {
        if (channel.remoteAddress() == null) { // gone already
            channel.unsafe().closeForcibly();
            acceptor.release();
            return;
        }
        HostPort address = HostPort.of(channel.remoteAddress());
        EventLoop loop = loops.next();
        TcpOption.USER_TIMEOUT.set(channel, Math.toIntExact(config.userTimeout().toMillis()));
        TcpOption.UNSENT_LOW_WATER.set(channel, MuxConnection.UNSENT_LOW_WATER);
        if (tls != null && endpoint.tls()) {
            Handshake handshake = new Handshake(endpoint, address, loop, acceptor, channel);
            handshakes.add(channel);
            tls.newHandlers(channel.alloc(), handshake).forEach(channel.pipeline()::addLast);
            register(channel, loop, handshake::onFailed);
        } else {
            MuxSession session = newSession(endpoint, clients.anonymous(), address, loop, acceptor);
            channel.pipeline().addLast(new MuxConnection(session));
            register(channel, loop, reason -> session.close(ErrorCode.INTERNAL, reason));
        }
    }

    private static void register(SocketChannel channel, EventLoop loop, Consumer<String> otherwise) {
        loop.register(channel).addListener(registered -> {
            if (registered.isSuccess()) {
                channel.config().setAutoRead(true);
            } else {
                channel.unsafe().closeForcibly();
                otherwise.accept("cannot register the socket: " + registered.cause());
            }
        });
    }

    private MuxSession newSession(
            Endpoint endpoint, Client client, HostPort address, EventLoop loop, Acceptor acceptor) {
        MuxSession session = new MuxSession(
                MuxSession.Role.SERVER,
                endpoint.settings(),
                new ServerSession(
                        endpoint,
                        client,
                        address,
                        loop,
                        dialer,
                        connections,
                        sessions,
                        config.limits().sessions(),
                        acceptor::release));
        sessions.add(session, loop);
        return session;
    }

    /** A peer shows who it is; only then there is a session. Event loop only. */
    private final class Handshake implements TlsGate.Listener {
        private final Endpoint endpoint;
        private final HostPort address;
        private final EventLoop loop;
        private final Acceptor acceptor;
        private final Channel channel;

        Handshake(Endpoint endpoint, HostPort address, EventLoop loop, Acceptor acceptor, Channel channel) {
            this.endpoint = endpoint;
            this.address = address;
            this.loop = loop;
            this.acceptor = acceptor;
            this.channel = channel;
        }

        @Override
        public void onTrusted(ChannelHandlerContext ctx, X509Certificate[] chain) {
            accepts.execute(() -> handshakes.remove(channel));
            try {
                // The answer may have changed since the handshake asked.
                Client client = clients.identify(chain);
                ctx.pipeline().addLast(new MuxConnection(newSession(endpoint, client, address, loop, acceptor)));
            } catch (UntrustedPeer e) {
                ctx.close();
                onFailed(String.valueOf(e.getMessage()));
            }
        }

        @Override
        public void onFailed(String reason) {
            accepts.execute(() -> handshakes.remove(channel));
            acceptor.release();
            refusals.add(endpoint.name(), address, reason);
        }
    }

    @Override
    public Future<?> drain() {
        acceptors.forEach(Acceptor::close);
        return sessions.drain();
    }

    @Override
    public void cut(ErrorCode code, String reason) {
        connections.live().forEach(connection -> connection.cut(code, reason));
        sessions.cut(code, reason);
    }

    @Override
    public Connections connections() {
        return connections;
    }

    @Override
    public Sessions sessions() {
        return sessions;
    }

    @Override
    public String status() {
        return sessions.size() + " sessions, " + connections.size() + " connections";
    }

    @Override
    public void close() {
        acceptors.forEach(Acceptor::close);
        accepting.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS);
        loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS);
    }
}
