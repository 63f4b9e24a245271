package dev.culvert.server;

import static java.util.stream.Collectors.toMap;

import dev.culvert.common.lifecycle.Sessions;
import dev.culvert.common.lifecycle.StartFailure;
import dev.culvert.common.net.Acceptor;
import dev.culvert.common.net.HeaderGate;
import dev.culvert.common.net.Origin;
import dev.culvert.common.net.SessionPipeline;
import dev.culvert.common.net.SessionSocket;
import dev.culvert.common.net.Transport;
import dev.culvert.common.rate.Limits;
import dev.culvert.common.rate.NamedLimits;
import dev.culvert.common.splice.Connections;
import dev.culvert.common.tls.FileWatch;
import dev.culvert.common.tls.Tls;
import dev.culvert.common.tls.TlsGate;
import dev.culvert.common.tls.UntrustedPeer;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.MuxConnection;
import dev.culvert.mux.MuxSession;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.socket.DuplexChannel;
import io.netty.channel.socket.SocketChannel;
import io.netty.util.concurrent.Ticker;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes sessions of the connections that clients make: first who is in front of them may say for whom, then comes TLS,
 * then the session itself, which is a new one or goes on with one that has lost its link. Any thread, but for what says
 * otherwise.
 */
final class SessionAcceptor {
    private static final Logger LOG = LoggerFactory.getLogger(SessionAcceptor.class);

    private static final String MADE_ROOM =
            "it made room for another one: as many as limits.handshakes allows have not shown yet who they are";

    private final EventLoop accepting;
    /** Each session, with all its connections, lives on one of these. */
    private final EventLoopGroup loops;

    private final Connections connections;
    private final Sessions sessions;
    private final ServerSessions serverSessions;
    private final Handshakes handshakes;
    private final Refusals refusals = new Refusals(Ticker.systemTicker());
    private final Accounts accounts;
    /** By the names of the endpoints: connections of one that goes keep its limit. */
    private final NamedLimits rates = new NamedLimits(Ticker.systemTicker());

    private volatile ServerConfig config;
    private volatile SessionSocket socket;
    private volatile Access access;
    private final FileWatch files = new FileWatch(LOG, "tls");

    /**
     * Reads the files of TLS. Blocks.
     *
     * @param accepting the event loop that accepts
     * @param loops those of the sessions
     * @throws StartFailure with a sentence for the user
     */
    SessionAcceptor(
            EventLoop accepting,
            EventLoopGroup loops,
            Connections connections,
            Sessions sessions,
            ServerSessions serverSessions,
            ServerConfig config)
            throws StartFailure {
        this.accepting = accepting;
        this.loops = loops;
        this.connections = connections;
        this.sessions = sessions;
        this.serverSessions = serverSessions;
        this.config = config;
        handshakes = new Handshakes(config.limits().handshakes());
        accounts = new Accounts(config.limits().whole(), Ticker.systemTicker());
        access = access(config, accounts);
        socket = new SessionSocket(config.userTimeout());
        limit(config);
    }

    private static Access access(ServerConfig config, Accounts accounts) throws StartFailure {
        try {
            return Access.of(config, accounts);
        } catch (IOException e) {
            throw new StartFailure(e);
        }
    }

    /** Who would get in; throws if what that takes cannot be had. Blocks; changes nothing. */
    static Clients clients(ServerConfig next) throws StartFailure {
        return access(next, new Accounts(next.limits().whole(), Ticker.systemTicker()))
                .clients();
    }

    /**
     * Everything but the endpoints is as {@code next} says from now on, for the sessions that there are as well.
     * Blocks.
     */
    void configure(ServerConfig next) {
        config = next;
        serverSessions.dialWithin(next.dialTimeout());
        socket = new SessionSocket(next.userTimeout());
        accounts.limit(next.limits().whole());
        accepting.execute(() -> handshakes.limit(next.limits().handshakes()));
        files.read(this::useAccess);
        limit(next);
    }

    /** All connections and those of endpoints; those of clients have their accounts. Also what is open. */
    private void limit(ServerConfig next) {
        accounts.rate().set(next.rate());
        rates.set(next.smux().stream().collect(toMap(SmuxEndpointConfig::place, SmuxEndpointConfig::rate)));
        connections.shape();
    }

    /** Looks whether the files of TLS have changed. Blocks. */
    void refresh() {
        files.look(Access.content(config), access.content(), this::useAccess);
    }

    /** Sessions of those who may not connect any more end; what the others may dial is what it is now. */
    private void useAccess() throws IOException {
        access = Access.of(config, accounts);
        serverSessions.identifyAgain(access.clients());
    }

    /** Somebody has connected to {@code endpoint}. On the event loop that accepts. */
    void begin(Endpoint endpoint, Acceptor acceptor, DuplexChannel accepted) {
        SocketChannel channel = (SocketChannel) accepted; // sessions come by TCP
        if (channel.remoteAddress() == null) { // gone already
            channel.unsafe().closeForcibly();
            acceptor.release();
            return;
        }
        socket.fit(channel);
        // Not when its session ends: one that has lost its link takes no room from whoever comes to resume it.
        channel.closeFuture().addListener(closed -> acceptor.release());
        Visit visit = new Visit(endpoint, channel);
        handshakes.add(visit);
        sessions.arriving();
        visit.begin();
    }

    /** A connection that a peer has made, from the first byte to the last. Event loop of the session only. */
    private final class Visit
            implements HeaderGate.Listener,
                    Entrance.Listener,
                    TlsGate.Listener,
                    Handshakes.Waiting,
                    ServerSession.Listener {
        private final Endpoint endpoint;
        private final InetSocketAddress remote;
        private HostPort address;
        private boolean web;
        private final EventLoop loop = loops.next();
        private final SocketChannel channel;
        private @Nullable MuxSession session;
        private @Nullable MuxConnection connection;
        private boolean madeRoom;

        Visit(Endpoint endpoint, SocketChannel channel) {
            this.endpoint = endpoint;
            this.channel = channel;
            remote = channel.remoteAddress();
            address = HostPort.of(remote);
        }

        /** On the event loop of the acceptors; from here on the peer can be heard. */
        void begin() {
            Transport.register(loop, channel, this::listen, this::onFailed);
        }

        private void listen() {
            if (HeaderGate.isFor(endpoint.proxies(), remote)) {
                HeaderGate.addTo(channel.pipeline(), config.limits().handshakeTimeout(), this);
            } else {
                enter(remote);
            }
            channel.config().setAutoRead(true);
        }

        @Override
        public void onHeader(@Nullable Origin origin) {
            enter(origin == null ? remote : Objects.requireNonNull(origin.from()));
        }

        private void enter(InetSocketAddress peer) {
            address = HostPort.of(peer);
            if (endpoint.webSocket().isPresent()) {
                Duration timeout = config.limits().handshakeTimeout();
                channel.pipeline().addLast(new Entrance(endpoint.webSocket().get(), peer, timeout, this));
            } else {
                onDirect();
            }
        }

        @Override
        public void onDirect() {
            Access now = access;
            Tls tls = endpoint.tls() ? now.tls() : null;
            if (tls == null) {
                speak(now, List.of(), now.clients().anonymous(), channel.pipeline());
            } else {
                tls.newHandlers(channel.alloc(), this).forEach(channel.pipeline()::addLast);
            }
        }

        @Override
        public void onWebSocket(HostPort from) {
            address = from;
            web = true;
            onDirect();
        }

        @Override
        public void onTrusted(ChannelHandlerContext ctx, X509Certificate[] chain) {
            try {
                // The answer may have changed since the handshake asked.
                Access now = access;
                speak(now, List.of(chain), now.clients().identify(chain), ctx.pipeline());
            } catch (UntrustedPeer e) {
                ctx.close();
                onFailed(String.valueOf(e.getMessage()));
            }
        }

        private void speak(Access identifiedBy, List<X509Certificate> chain, Client client, ChannelPipeline pipeline) {
            ServerSession.Peer peer = new ServerSession.Peer(endpoint, chain, address, web, channel, loop);
            Account account = client.account();
            Limits limits = Limits.ofServer(rates.of(endpoint.name()), account.rate(), accounts.rate());
            ServerSession serverSession = new ServerSession(peer, client, connections, limits, serverSessions, this);
            MuxSession newSession = new MuxSession(
                    MuxSession.Role.SERVER,
                    endpoint.settings().with(account.quota().forMux()),
                    serverSession,
                    account.memory(),
                    loop.ticker());
            session = newSession;
            serverSessions.add(serverSession);
            if (!access.equals(identifiedBy)) { // and whoever changed it may not have found this session
                serverSession.identifyAgain(access.clients());
            }
            sessions.arrived(newSession, channel, endpoint.name(), serverSession::who);
            connection = SessionPipeline.addTo(pipeline, newSession);
        }

        @Override
        public InetAddress source() {
            return remote.getAddress();
        }

        /** On the event loop of the acceptors. */
        @Override
        public void makeRoom() {
            loop.execute(() -> {
                madeRoom = true;
                if (session == null) {
                    channel.close();
                } else if (!session.isUp()) {
                    session.close(ErrorCode.LIMIT_REACHED, MADE_ROOM);
                }
            });
        }

        @Override
        public void onFailed(String reason) {
            refusals.add(endpoint.name(), Refusals.What.SESSION, "", address, madeRoom ? MADE_ROOM : reason);
            leave();
            sessions.notArrived();
        }

        @Override
        public void onUp(ServerSession session, MuxSession up) {
            sessions.cameUp(up);
            leave();
            up.token().ifPresent(token -> serverSessions.keep(token, session));
        }

        @Override
        public void handOver(ServerSession session, MuxSession fresh, ServerSession other, long peerHas) {
            serverSessions.remove(session);
            leave();
            sessions.giveWay(fresh);
            other.moveTo(session, Objects.requireNonNull(connection), peerHas, () -> {
                sessions.moveTo(channel, other.session());
                other.identifyAgain(
                        access.clients()); // who shows another key now, which may have been taken out meanwhile
            });
        }

        @Override
        public void onClosed(ServerSession session, MuxSession closed, ErrorCode code) {
            serverSessions.remove(session);
            closed.token().ifPresent(serverSessions::forget);
            leave();
            sessions.remove(closed, code); // last: with the last session of a drain the event loops may go
        }

        private void leave() {
            accepting.execute(() -> handshakes.remove(this));
        }
    }
}
