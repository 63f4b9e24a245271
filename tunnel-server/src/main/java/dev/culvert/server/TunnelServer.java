package dev.culvert.server;

import static java.util.stream.Collectors.toMap;

import dev.culvert.common.config.AdminConfig;
import dev.culvert.common.config.AgentConfig;
import dev.culvert.common.config.BadConfig;
import dev.culvert.common.lifecycle.Agent;
import dev.culvert.common.lifecycle.AgentRun;
import dev.culvert.common.lifecycle.LogSetup;
import dev.culvert.common.lifecycle.OfferStatus;
import dev.culvert.common.lifecycle.Plan;
import dev.culvert.common.lifecycle.Sessions;
import dev.culvert.common.lifecycle.StartFailure;
import dev.culvert.common.net.Acceptor;
import dev.culvert.common.net.Dialer;
import dev.culvert.common.net.HeaderGate;
import dev.culvert.common.net.Listeners;
import dev.culvert.common.net.ListeningSocket;
import dev.culvert.common.net.Origin;
import dev.culvert.common.net.OutOfMemory;
import dev.culvert.common.net.PathWatch;
import dev.culvert.common.net.SessionSocket;
import dev.culvert.common.net.Transport;
import dev.culvert.common.rate.Limits;
import dev.culvert.common.rate.NamedLimits;
import dev.culvert.common.splice.Connections;
import dev.culvert.common.tls.Tls;
import dev.culvert.common.tls.TlsGate;
import dev.culvert.common.tls.UntrustedPeer;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.MuxConnection;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.Token;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.socket.DuplexChannel;
import io.netty.channel.socket.SocketChannel;
import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Ticker;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The server agent: accepts sessions, dials the target of every stream, and joins the two. */
public final class TunnelServer implements Agent {
    private static final Logger LOG = LoggerFactory.getLogger(TunnelServer.class);

    /** An event loop that has not answered by then is not asked whom it carries. */
    private static final Duration PATIENCE = Duration.ofSeconds(2);

    /**
     * When those who have connected to a listener are served, and at latest then, sessions are told of a drain. Until they know, they do not go to
     * the process that has taken over, which keeps the sockets of its listeners for 10 s for what they offer.
     */
    private static final Duration SERVED_WITHIN = Duration.ofSeconds(5);

    private static final String MADE_ROOM =
            "it made room for another one: limits.handshakes have not shown yet who they are";

    /** As it was last read. */
    private volatile ServerConfig config;
    /** What only counts at the start. */
    private final AdminConfig begunWith;

    private final Transport transport = Transport.best();
    private final EventLoopGroup accepting = transport.newEventLoops(1, "accept");
    /** Each session, with all its connections, lives on one of these. */
    private final EventLoopGroup loops =
            transport.newEventLoops(Runtime.getRuntime().availableProcessors(), "server");

    private final Connections connections = new Connections(Ticker.systemTicker());
    private final Sessions sessions = new Sessions(connections, Ticker.systemTicker());
    private final EventLoop accepts = accepting.next();
    private final Listeners<Endpoint> listeners;
    private final OfferSockets offerSockets;
    private final Offers offers;
    private volatile Dialer dialer;
    private volatile SessionSocket socket;
    private final Handshakes handshakes;
    private final Refusals refusals = new Refusals(Ticker.systemTicker());
    private final Accounts accounts;
    /** By the names of the endpoints: connections of one that goes keep its limit. */
    private final NamedLimits rates = new NamedLimits(Ticker.systemTicker());

    private final Set<ServerSession> live = ConcurrentHashMap.newKeySet();
    /** The sessions that can be resumed. */
    private final Map<Token, ServerSession> resumable = new ConcurrentHashMap<>();

    /** By their names, as they are configured now. */
    private volatile Map<String, Endpoint> endpoints = Map.of();

    private volatile Access access;
    private volatile boolean draining;

    /** @param passed sockets that listen already */
    TunnelServer(ServerConfig config, List<ListeningSocket> passed) throws StartFailure {
        this.config = config;
        begunWith = config.admin();
        List<ListeningSocket> ofOffers =
                passed.stream().filter(OfferSockets::isForOffers).toList();
        List<ListeningSocket> others =
                passed.stream().filter(socket -> !ofOffers.contains(socket)).toList();
        listeners = new Listeners<>(transport, accepts, others, this::begin);
        offerSockets = new OfferSockets(transport, accepts, ofOffers, this::arrive);
        offers = new Offers(accepts, connections, Ticker.systemTicker(), offerSockets);
        handshakes = new Handshakes(config.limits().handshakes());
        accounts = new Accounts(config.limits().whole(), Ticker.systemTicker());
        try {
            access = Access.of(config, accounts);
        } catch (IOException e) {
            throw new StartFailure(String.valueOf(e.getMessage()));
        }
        dialer = new Dialer(transport, config.dialTimeout());
        socket = new SessionSocket(config.userTimeout());
        limit(config);
    }

    @Override
    public void start() throws StartFailure, InterruptedException {
        listen(config);
        offers.configure(config.listeners(), config.patience());
        listeners
                .leftOver()
                .forEach(name -> LOG.warn(
                        "systemd has passed a socket with the name '{}', and nothing here listens by that name:"
                                + " FileDescriptorName= is listen, or smux.NAME",
                        name));
    }

    @Override
    public void accept() {
        offerSockets.begin();
        listeners.begin();
        listeners.letGo();
    }

    @Override
    public List<ListeningSocket> sockets() {
        List<ListeningSocket> all = new ArrayList<>(listeners.sockets());
        all.addAll(offerSockets.sockets());
        return all;
    }

    @Override
    public void handOver() {
        listeners.handOver();
        offerSockets.handOver();
    }

    private void listen(ServerConfig on) throws StartFailure, InterruptedException {
        Map<String, Endpoint> before = endpoints;
        List<Endpoint> next = endpoints(on);
        endpoints = next.stream().collect(toMap(Endpoint::name, endpoint -> endpoint)); // before a session asks
        try {
            listeners.set(next);
        } catch (IOException e) {
            endpoints = before;
            Optional<String> ours = offerSockets.obstacle(next);
            throw StartFailure.cannotListen(ours.isPresent() ? new IOException(ours.get(), e) : e);
        }
    }

    private void arrive(Offers.Offered place, Acceptor acceptor, DuplexChannel channel) {
        offers.arrive(place, acceptor, channel);
    }

    private static List<Endpoint> endpoints(ServerConfig config) {
        return config.endpoints("culvert " + AgentRun.version());
    }

    private void begin(Endpoint endpoint, Acceptor acceptor, DuplexChannel accepted) {
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
                    ServerSession.Home {
        private final Endpoint endpoint;
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
            address = HostPort.of(channel.remoteAddress());
        }

        /** On the event loop of the acceptors; from here on the peer can be heard. */
        void begin() {
            Transport.register(loop, channel, registered -> {
                if (!registered.isSuccess()) {
                    channel.unsafe().closeForcibly();
                    onFailed("cannot register the socket: " + registered.cause());
                    return;
                }
                if (HeaderGate.isFor(endpoint.proxies(), channel.remoteAddress())) {
                    HeaderGate.addTo(channel.pipeline(), config.limits().handshakeTimeout(), this);
                } else {
                    enter(channel.remoteAddress());
                }
                channel.config().setAutoRead(true);
            });
        }

        @Override
        public void onHeader(@Nullable Origin origin) {
            enter(origin == null ? channel.remoteAddress() : Objects.requireNonNull(origin.from()));
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
            ServerSession listener = new ServerSession(peer, client, connections, limits, this);
            MuxSession newSession = new MuxSession(
                    MuxSession.Role.SERVER,
                    endpoint.settings().with(account.quota().forMux()),
                    listener,
                    account.memory());
            session = newSession;
            live.add(listener);
            if (!access.equals(identifiedBy)) { // and whoever changed it may not have found this session
                listener.identifyAgain(access.clients());
            }
            sessions.arrived(newSession, channel, endpoint.name(), listener::who);
            connection = new MuxConnection(newSession);
            pipeline.addLast(connection, new OutOfMemory());
            PathWatch.addTo(pipeline, connection);
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
            accepts.execute(() -> handshakes.remove(this));
            up.token().ifPresent(token -> resumable.put(token, session));
        }

        @Override
        public @Nullable ServerSession find(Token token) {
            return resumable.get(token);
        }

        @Override
        public void handOver(ServerSession session, MuxSession fresh, ServerSession other, long peerHas) {
            live.remove(session);
            leave();
            sessions.resume(fresh, other.session(), channel);
            other.moveTo(session, Objects.requireNonNull(connection), peerHas);
        }

        @Override
        public @Nullable Endpoint endpoint(String name) {
            return endpoints.get(name);
        }

        @Override
        public Offers offers() {
            return offers;
        }

        @Override
        public Dialer dialer() {
            return dialer;
        }

        @Override
        public boolean isDraining() {
            return draining;
        }

        @Override
        public void onClosed(ServerSession session, MuxSession closed, ErrorCode code) {
            live.remove(session);
            closed.token().ifPresent(resumable::remove);
            leave();
            sessions.remove(closed, code); // last: with the last session of a drain the event loops may go
        }

        private void leave() {
            accepts.execute(() -> handshakes.remove(this));
        }
    }

    @Override
    public void reload(Path file) throws BadConfig, StartFailure, InterruptedException {
        ServerConfig next = ServerConfig.read(file);
        checked(next);
        listen(next);
        config = next;
        LogSetup.apply(next.log());
        dialer = dialer.within(next.dialTimeout());
        socket = new SessionSocket(next.userTimeout());
        accounts.limit(next.limits().whole());
        accepts.execute(() -> handshakes.limit(next.limits().handshakes()));
        offers.configure(next.listeners(), next.patience());
        useAccess();
        limit(next);
        restartIsNeeded(next).ifPresent(LOG::warn);
    }

    /** All connections and those of endpoints; those of clients have their accounts. Also what is open. */
    private void limit(ServerConfig next) {
        accounts.rate().set(next.rate());
        rates.set(next.smux().stream().collect(toMap(SmuxEndpointConfig::place, SmuxEndpointConfig::rate)));
        connections.shape();
    }

    private Optional<String> restartIsNeeded(ServerConfig next) {
        return next.admin().equals(begunWith) ? Optional.empty() : Optional.of("a restart is needed for admin");
    }

    /** Who would get in; throws if what that takes can not be had. Changes nothing. */
    private static Clients checked(ServerConfig next) throws StartFailure {
        try {
            return Access.of(next, new Accounts(next.limits().whole(), Ticker.systemTicker()))
                    .clients();
        } catch (IOException e) {
            throw new StartFailure(String.valueOf(e.getMessage()));
        }
    }

    @Override
    public Plan plan(Path file) throws BadConfig, StartFailure {
        ServerConfig next = ServerConfig.read(file);
        Clients clients = checked(next);
        List<Endpoint> theirs = endpoints(next);
        Optional<String> obstacle = listeners.obstacle(theirs).or(() -> offerSockets.obstacle(theirs));
        if (obstacle.isPresent()) {
            throw new StartFailure(obstacle.get());
        }
        List<String> effects = new ArrayList<>();
        listeners
                .leaving(theirs)
                .forEach((endpoint, address) -> effects.add(
                        "%s no longer listens on %s; its sessions go on".formatted(endpoint.place(), address)));
        for (ServerSession session : live) {
            if (!session.isWelcome(clients)) {
                int connections = session.connections()
                        .completeOnTimeout(0, PATIENCE.toMillis(), TimeUnit.MILLISECONDS)
                        .join();
                effects.add("the session of %s ends, with its %d connections".formatted(session.words(), connections));
            }
        }
        restartIsNeeded(next).ifPresent(effects::add);
        return Plan.of(config, next, effects);
    }

    @Override
    public AgentConfig config() {
        return config;
    }

    @Override
    public void refresh() {
        if (!Access.content(config).equals(access.content())) {
            LOG.info("the files of tls have changed");
            useAccess();
        }
    }

    /** Sessions of those who may not connect any more end; what the others may dial is what it is now. */
    private void useAccess() {
        String content = Access.content(config);
        try {
            access = Access.of(config, accounts);
        } catch (IOException e) {
            LOG.error("the files of tls can not be used, those from before stay: {}", e.getMessage());
            access = new Access(access.clients(), access.tls(), content);
            return;
        }
        live.forEach(session -> session.identifyAgain(access.clients()));
    }

    @Override
    public Future<?> drain() {
        draining = true;
        listeners.close();
        closeOffered();
        live.forEach(ServerSession::endIfLost);
        offers.end(SERVED_WITHIN).addListener(done -> sessions.drain());
        return sessions.drained();
    }

    private void closeOffered() {
        offers.drain().awaitUninterruptibly(PATIENCE.toMillis());
        offerSockets.end();
    }

    @Override
    public void cut(ErrorCode code, String reason) {
        offers.end(Duration.ZERO).addListener(done -> Agent.super.cut(code, reason));
    }

    @Override
    public List<OfferStatus> offers() {
        return offers.status();
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
    public List<String> troubles() {
        return List.of();
    }

    @Override
    public Iterable<EventExecutor> loops() {
        List<EventExecutor> all = new ArrayList<>();
        loops.forEach(all::add);
        all.add(accepts);
        return all;
    }

    @Override
    public String status() {
        return sessions.size() + " sessions, " + connections.size() + " connections";
    }

    @Override
    public void close() {
        listeners.close();
        closeOffered();
        offers.end(Duration.ZERO).awaitUninterruptibly(PATIENCE.toMillis());
        loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS);
        // Last: whatever ends on the others is told to this one.
        accepting.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS);
    }
}
