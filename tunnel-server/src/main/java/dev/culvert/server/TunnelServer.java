package dev.culvert.server;

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
import dev.culvert.common.net.Listeners;
import dev.culvert.common.net.ListeningSocket;
import dev.culvert.common.net.Transport;
import dev.culvert.common.splice.Connections;
import dev.culvert.mux.ErrorCode;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.socket.DuplexChannel;
import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Ticker;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The server agent: accepts sessions, dials the target of every stream, and joins the two. */
public final class TunnelServer implements Agent {
    private static final Logger LOG = LoggerFactory.getLogger(TunnelServer.class);

    /** An event loop that has not answered by then is not asked whom it carries. */
    private static final Duration PATIENCE = Duration.ofSeconds(2);

    /**
     * When those who have connected to a listener are served, and at latest then, sessions are told of a drain. Until
     * they know, they do not go to the process that has taken over, which keeps the sockets of its listeners for 10 s
     * for what they offer.
     */
    private static final Duration SERVED_WITHIN = Duration.ofSeconds(5);

    /** As it was last read. */
    private volatile ServerConfig config;
    /** What only counts at the start. */
    private final AdminConfig begunWith;

    private final Transport transport = Transport.best();
    private final EventLoopGroup acceptingGroup = transport.newEventLoops(1, "accept");
    /** Each session, with all its connections, lives on one of these. */
    private final EventLoopGroup loops =
            transport.newEventLoops(Runtime.getRuntime().availableProcessors(), "server");

    private final Connections connections = new Connections(Ticker.systemTicker());
    private final Sessions sessions = new Sessions(connections, Ticker.systemTicker());
    private final EventLoop accepting = acceptingGroup.next();
    private final Listeners<Endpoint> listeners;
    private final OfferSockets offerSockets;
    private final Offers offers;
    private final ServerSessions serverSessions;
    private final SessionAcceptor acceptor;

    /** @param passed sockets that listen already */
    TunnelServer(ServerConfig config, List<ListeningSocket> passed) throws StartFailure {
        this.config = config;
        begunWith = config.admin();
        List<ListeningSocket> ofOffers =
                passed.stream().filter(OfferSockets::isForOffers).toList();
        List<ListeningSocket> others =
                passed.stream().filter(socket -> !ofOffers.contains(socket)).toList();
        listeners = new Listeners<>(transport, accepting, others, this::begin);
        offerSockets = new OfferSockets(transport, accepting, ofOffers, this::arrive);
        offers = new Offers(accepting, connections, Ticker.systemTicker(), offerSockets);
        serverSessions = new ServerSessions(offers, new Dialer(transport, config.dialTimeout()));
        acceptor = new SessionAcceptor(accepting, loops, connections, sessions, serverSessions, config);
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
        List<Endpoint> next = endpoints(on);
        try {
            listeners.set(next);
        } catch (IOException e) {
            Optional<String> ours = offerSockets.obstacle(listeners.missing(next));
            throw StartFailure.cannotListen(ours.isPresent() ? new IOException(ours.get(), e) : e);
        }
        serverSessions.serve(next);
    }

    private void arrive(Offers.Offered place, Acceptor from, DuplexChannel channel) {
        offers.arrive(place, from, channel);
    }

    private void begin(Endpoint endpoint, Acceptor from, DuplexChannel channel) {
        acceptor.begin(endpoint, from, channel);
    }

    private static List<Endpoint> endpoints(ServerConfig config) {
        return config.endpoints("culvert " + AgentRun.version());
    }

    @Override
    public void reload(Path file) throws BadConfig, StartFailure, InterruptedException {
        ServerConfig next = ServerConfig.read(file);
        SessionAcceptor.clients(next);
        listen(next);
        config = next;
        LogSetup.apply(next.log());
        offers.configure(next.listeners(), next.patience());
        acceptor.configure(next);
        restartIsNeeded(next).ifPresent(LOG::warn);
    }

    private Optional<String> restartIsNeeded(ServerConfig next) {
        return next.admin().equals(begunWith) ? Optional.empty() : Optional.of("a restart is needed for admin");
    }

    @Override
    public Plan plan(Path file) throws BadConfig, StartFailure {
        ServerConfig next = ServerConfig.read(file);
        Clients clients = SessionAcceptor.clients(next);
        List<Endpoint> theirs = endpoints(next);
        Optional<String> obstacle =
                listeners.obstacle(theirs).or(() -> offerSockets.obstacle(listeners.missing(theirs)));
        if (obstacle.isPresent()) {
            throw new StartFailure(obstacle.get());
        }
        List<String> effects = new ArrayList<>();
        listeners.leaving(theirs).forEach((endpoint, address) -> {
            boolean moves = theirs.stream().anyMatch(other -> other.name().equals(endpoint.name()));
            effects.add("%s no longer listens on %s; its sessions go on%s"
                    .formatted(endpoint.place(), address, moves ? "" : ", and take no new connections"));
        });
        for (ServerSession session : serverSessions.unwelcome(clients)) {
            int connections = session.connections()
                    .completeOnTimeout(0, PATIENCE.toMillis(), TimeUnit.MILLISECONDS)
                    .join();
            effects.add("the session of %s ends, with its %d connections".formatted(session.words(), connections));
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
        acceptor.refresh();
    }

    @Override
    public Future<?> drain() {
        listeners.close();
        serverSessions.drain();
        closeOffered();
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
        all.add(accepting);
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
        acceptingGroup.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS);
    }
}
