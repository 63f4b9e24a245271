package dev.culvert.client;

import static java.util.stream.Collectors.joining;

import dev.culvert.common.config.AgentConfig;
import dev.culvert.common.config.BadConfig;
import dev.culvert.common.config.RateConfig;
import dev.culvert.common.lifecycle.Agent;
import dev.culvert.common.lifecycle.LogSetup;
import dev.culvert.common.lifecycle.OfferStatus;
import dev.culvert.common.lifecycle.Plan;
import dev.culvert.common.lifecycle.Sessions;
import dev.culvert.common.lifecycle.Speed;
import dev.culvert.common.lifecycle.StartFailure;
import dev.culvert.common.net.Dialer;
import dev.culvert.common.net.Listeners;
import dev.culvert.common.net.ListeningSocket;
import dev.culvert.common.net.Transport;
import dev.culvert.common.rate.Limit;
import dev.culvert.common.rate.Limits;
import dev.culvert.common.rate.NamedLimits;
import dev.culvert.common.splice.Carriers;
import dev.culvert.common.splice.Connections;
import dev.culvert.common.splice.HttpAnswer;
import dev.culvert.common.splice.Tally;
import dev.culvert.common.tls.FileWatch;
import dev.culvert.mux.Address;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.SharedBudget;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.socket.DuplexChannel;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Ticker;
import io.netty.util.internal.PlatformDependent;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The client agent: listens locally, and carries every connection as a stream to a server. */
final class TunnelClient implements Agent {
    private static final Logger LOG = LoggerFactory.getLogger(TunnelClient.class);

    private static final String FULL = "the session has as many streams as its server allows (limits.client.streams)";

    /** As it was last read. */
    private volatile ClientConfig config;
    /** What only counts at the start. */
    private final ClientConfig begunWith;
    /** How sessions are begun, by the configuration and the files that it names. */
    private Way way;

    private final FileWatch wayFiles = new FileWatch(LOG, "upstream.tls");
    private volatile Edges edges;
    private final FileWatch edgeFiles = new FileWatch(LOG, "a forward's tls");

    private final Ticker ticker = Ticker.systemTicker();
    private final Transport transport = Transport.best();
    private final Dialer dialer;
    /** Each carries a session. One accepts, too: with a single session no connection changes its thread. */
    private final EventLoopGroup loops;

    private final EventLoop accepting;
    private final Connections connections = new Connections(ticker);
    /** Of all forwards together. */
    private final Limit rate = new Limit(ticker);
    /** By the names of the forwards: connections of one that goes keep its limit. */
    private final NamedLimits rates = new NamedLimits(ticker);

    private final Sessions sessions = new Sessions(connections, ticker);
    /** All sessions together: buffers are outside the heap, and the JVM limits what is there, too. */
    private final SharedBudget memory = new SharedBudget(PlatformDependent.maxDirectMemory() / 2);

    private final List<Uplink> uplinks = new ArrayList<>();
    private final Carriers<Uplink> carriers;
    private final ConnectionAcceptor acceptor;
    private final Listeners<ForwardConfig> listeners;
    private final UdpForwards udpForwards;
    private final Reverse reverse;

    /** @param passed sockets that listen already */
    TunnelClient(ClientConfig config, List<ListeningSocket> passed) throws StartFailure {
        this.config = config;
        begunWith = config;
        set(config);
        int count = config.upstream().sessions();
        loops = transport.newEventLoops(Math.min(count, Runtime.getRuntime().availableProcessors()), "client");
        accepting = loops.next();
        dialer = new Dialer(transport, config.dialTimeout());
        carriers = new Carriers<>(
                accepting,
                ticker,
                uplinks,
                () -> isFull()
                        ? "no stream within upstream.wait: " + FULL
                        : "no session to a server within upstream.wait");
        acceptor = new ConnectionAcceptor(
                accepting, connections, carriers, ticker, this::limits, () -> this.config, () -> edges);
        listeners = new Listeners<>(transport, accepting, passed(passed, false), acceptor::arrive);
        udpForwards = new UdpForwards(transport, accepting, passed(passed, true), connections, this::limits, carriers);
        reverse = new Reverse(accepting, dialer, connections, this::limits);
        try {
            way = Way.of(config, dialer);
            edges = Edges.of(config);
        } catch (IOException e) {
            throw new StartFailure(e);
        }
        reverse.set(config.reverse(), edges, config.dialTimeout());
        for (int i = 1; i <= count; i++) {
            String name = count == 1 ? "uplink" : "uplink " + i;
            uplinks.add(new Uplink(name, List.of(), loops.next(), way, sessions, memory, reverse, this::onReady));
        }
        if (config.upstream().standby()) {
            uplinks.add(new Uplink(
                    Sessions.STANDBY, uplinks, loops.next(), way, sessions, memory, reverse, carriers::serveWaiting));
        }
    }

    private static List<ListeningSocket> passed(List<ListeningSocket> all, boolean udp) {
        return all.stream().filter(socket -> socket.isOfDatagrams() == udp).toList();
    }

    /** One of those that are no standby is. Any thread. */
    private void onReady() {
        carriers.serveWaiting();
        uplinks.stream().filter(Uplink::isStandby).forEach(Uplink::moveIfCrowded);
    }

    @Override
    public void reload(Path file) throws BadConfig, StartFailure, InterruptedException {
        ClientConfig next = ClientConfig.read(file);
        try {
            Optional<Way> other = next.hasOtherSessions(config) ? Optional.of(Way.of(next, dialer)) : Optional.empty();
            Edges otherEdges = Edges.of(next);
            Edges before = edges;
            edges = before.and(otherEdges);
            try {
                listen(next, config);
            } catch (IOException e) {
                edges = before;
                throw e;
            }
            edges = otherEdges;
            config = next;
            set(next);
            LogSetup.apply(next.log());
            reverse.set(next.reverse(), otherEdges, next.dialTimeout());
            if (other.isPresent()) {
                boolean asTheSame = other.get().content().equals(way.content());
                use(other.get(), asTheSame);
            } else {
                refresh();
            }
        } catch (IOException e) {
            throw new StartFailure(e);
        }
        restartIsNeeded(next).ifPresent(LOG::warn);
    }

    private void use(Way other, boolean asTheSame) {
        way = other;
        uplinks.forEach(uplink -> uplink.use(other, asTheSame));
    }

    /** Forwards and their limits, also for what is open. */
    private void set(ClientConfig next) {
        rate.set(next.rate());
        Map<String, RateConfig> own = rates(next);
        rates.set(own);
        own.keySet().forEach(connections::expect);
        connections.shape();
    }

    private static Map<String, RateConfig> rates(ClientConfig next) {
        Map<String, RateConfig> own = new HashMap<>();
        next.forwards().forEach(forward -> own.put(forward.name(), forward.rate()));
        next.reverse().forEach(one -> own.put(one.place(), one.rate()));
        return own;
    }

    /** By what a connection is called. */
    private Limits limits(String forward) {
        return Limits.ofClient(rates.of(forward), rate);
    }

    /** Listens as {@code next} says, or throws and still listens as {@code now} does. */
    private void listen(ClientConfig next, ClientConfig now) throws IOException, InterruptedException {
        udpForwards.set(next.udpForwards());
        try {
            listeners.set(next.tcpForwards());
        } catch (IOException e) {
            udpForwards.set(now.udpForwards());
            throw e;
        }
    }

    private Optional<String> restartIsNeeded(ClientConfig next) {
        List<String> keys = new ArrayList<>();
        if (next.upstream().sessions() != begunWith.upstream().sessions()) {
            keys.add("upstream.sessions");
        }
        if (next.upstream().standby() != begunWith.upstream().standby()) {
            keys.add("upstream.standby");
        }
        if (!next.admin().equals(begunWith.admin())) {
            keys.add("admin");
        }
        return keys.isEmpty() ? Optional.empty() : Optional.of("a restart is needed for " + String.join(" and ", keys));
    }

    @Override
    public Plan plan(Path file) throws BadConfig, StartFailure {
        ClientConfig next = ClientConfig.read(file);
        Optional<String> obstacle =
                listeners.obstacle(next.tcpForwards()).or(() -> udpForwards.obstacle(next.udpForwards()));
        if (obstacle.isPresent()) {
            throw new StartFailure(obstacle.get());
        }
        List<String> effects = new ArrayList<>();
        listeners
                .leaving(next.tcpForwards())
                .forEach((forward, address) -> effects.add("%s no longer listens on %s; its %d connections go on"
                        .formatted(forward.place(), address, live(forward.name()))));
        udpForwards
                .leaving(next.udpForwards())
                .forEach((forward, address) -> effects.add("%s no longer listens on %s; its %d flows go on"
                        .formatted(forward.place(), address, live(forward.name()))));
        config.reverse().stream()
                .filter(before ->
                        next.reverse().stream().noneMatch(after -> after.name().equals(before.name())))
                .forEach(leaving -> effects.add("%s is no longer offered; its %d connections go on"
                        .formatted(leaving.place(), live(leaving.place()))));
        if (next.hasOtherSessions(config)) {
            try {
                Way.of(next, dialer);
            } catch (IOException e) {
                throw new StartFailure(e);
            }
            effects.add("%d sessions are begun anew; the %d connections go on by the old ones"
                    .formatted(uplinks.size(), connections.size()));
        }
        restartIsNeeded(next).ifPresent(effects::add);
        return Plan.of(config, next, effects);
    }

    private long live(String forward) {
        return connections.tallies().stream()
                .filter(tally -> tally.forward().equals(forward))
                .mapToLong(Tally::live)
                .sum();
    }

    @Override
    public AgentConfig config() {
        return config;
    }

    @Override
    public void refresh() {
        edgeFiles.look(Edges.content(config.forwards()), edges.content(), () -> edges = Edges.of(config));
        wayFiles.look(Way.content(config), way.content(), () -> use(Way.of(config, dialer), false));
    }

    @Override
    public void start() throws StartFailure, InterruptedException {
        try {
            udpForwards.set(config.udpForwards());
            listeners.set(config.tcpForwards());
        } catch (IOException e) {
            throw StartFailure.cannotListen(e);
        }
        uplinks.forEach(Uplink::start);
    }

    @Override
    public void accept() {
        listeners.begin();
        listeners.letGo();
        udpForwards.begin();
        reverse.begin();
    }

    @Override
    public List<ListeningSocket> sockets() {
        return Stream.concat(listeners.sockets().stream(), udpForwards.sockets().stream())
                .toList();
    }

    @Override
    public void handOver() {
        listeners.handOver();
        udpForwards.handOver();
        reverse.handOver();
    }

    @Override
    public void connect(DuplexChannel channel, Address target, HttpAnswer answer) {
        acceptor.connect(channel, target, answer);
    }

    @Override
    public Future<?> drain() {
        listeners.close();
        udpForwards.drain();
        reverse.end();
        acceptor.drain(this::leave);
        return sessions.drained();
    }

    private void leave() {
        carriers.close(ErrorCode.DRAINING, "this agent is shutting down");
        uplinks.forEach(Uplink::drain);
        sessions.drain();
    }

    @Override
    public void cut(ErrorCode code, String reason) {
        accepting.execute(() -> {
            leave();
            Agent.super.cut(code, reason);
        });
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
    public List<OfferStatus> offers() {
        return reverse.status();
    }

    @Override
    public List<String> troubles() {
        if (uplinks.stream().anyMatch(Uplink::isReady)) {
            return reverse.troubles();
        }
        return List.of(
                isFull() ? FULL : "no session to a server: " + uplinks.get(0).trouble());
    }

    private boolean isFull() {
        return uplinks.stream().anyMatch(Uplink::isFull);
    }

    @Override
    public CompletableFuture<Speed> measure() {
        return uplinks.stream()
                .filter(Uplink::isReady)
                .findFirst()
                .map(Uplink::measure)
                .orElseGet(Agent.super::measure);
    }

    @Override
    public EventLoopGroup loops() {
        return loops;
    }

    @Override
    public String status() {
        String standby = uplinks.stream()
                .filter(Uplink::isStandby)
                .map(uplink -> uplink.isReady() ? "a standby, " : "no standby, ")
                .collect(joining());
        List<Uplink> active =
                uplinks.stream().filter(uplink -> !uplink.isStandby()).toList();
        long up = active.stream().filter(Uplink::isReady).count();
        return up + " of " + active.size() + " sessions up, " + standby + connections.size() + " connections";
    }

    @Override
    public void close() {
        listeners.close();
        loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS);
    }
}
