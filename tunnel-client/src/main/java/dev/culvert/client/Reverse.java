package dev.culvert.client;

import static java.util.stream.Collectors.toMap;

import dev.culvert.common.lifecycle.OfferStatus;
import dev.culvert.common.net.Dialer;
import dev.culvert.common.net.Origin;
import dev.culvert.common.rate.Limits;
import dev.culvert.common.splice.Connection;
import dev.culvert.common.splice.Connections;
import dev.culvert.common.splice.Hold;
import dev.culvert.common.splice.Splice;
import dev.culvert.common.splice.TargetDial;
import dev.culvert.common.tls.WebTls;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.MuxStream;
import dev.culvert.mux.OpenRequest;
import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import io.netty.util.NetUtil;
import io.netty.util.concurrent.Future;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * The connections that servers accept for this client: what it offers to take, in each of its sessions, and where they
 * go. Nothing is dialled but the targets of the configuration.
 *
 * <p>Any thread; what it offers is decided on one event loop.
 */
final class Reverse {
    private static final Logger LOG = LoggerFactory.getLogger(Reverse.class);

    /** How long a process that takes our place may take to offer what we offer. */
    private static final long PATIENCE_SECONDS = 5;

    private final EventLoop loop;
    private final Connections connections;
    private final Function<String, Limits> limits;
    /** Tells the offers of this process from those of the one before. */
    private final long process = ThreadLocalRandom.current().nextLong();

    private final Set<Offering> offerings = ConcurrentHashMap.newKeySet();
    private volatile Map<String, Forward> forwards = Map.of();
    /** What is to be offered now, and where the server is to listen for it. */
    private volatile Map<String, Optional<HostPort>> wanted = Map.of();

    private volatile Dialer dialer;
    private volatile boolean handedOver;

    // On the event loop only.
    private boolean begun;
    private boolean ended;

    /** One of them, as it is now. */
    private static final class Forward {
        private final ReverseConfig config;
        /** Connections of that name, of the configurations before, too. */
        private final AtomicInteger open;
        /** As its files were when the configuration was last read. */
        private volatile Optional<WebTls> tls;

        private volatile boolean up;
        /** What was known of the target before. */
        private final Health.State known;

        private @Nullable Health health;

        Forward(ReverseConfig config, Optional<WebTls> tls, @Nullable Forward before) {
            this.config = config;
            this.tls = tls;
            open = before == null ? new AtomicInteger() : before.open;
            up = config.health().isEmpty() || (before != null && before.up);
            known = before != null && before.health != null && before.hasTargetOf(config)
                    ? before.health.state()
                    : Health.State.UNKNOWN;
        }

        private boolean hasTargetOf(ReverseConfig other) {
            return config.target().equals(other.target()) && config.targetTls().equals(other.targetTls());
        }

        void stop() {
            if (health != null) {
                health.stop();
            }
        }
    }

    /** @param limits those of a connection, by what it is called, as if it were a forward's */
    Reverse(EventLoop loop, Dialer dialer, Connections connections, Function<String, Limits> limits) {
        this.limits = limits;
        this.loop = loop;
        this.dialer = dialer;
        this.connections = connections;
    }

    /** Has these from now on; connections go on. */
    void set(List<ReverseConfig> configs, Edges edges, Duration dialTimeout) {
        loop.execute(() -> {
            dialer = dialer.within(dialTimeout);
            Map<String, Forward> next = new HashMap<>();
            for (ReverseConfig config : configs) {
                Forward before = forwards.get(config.name());
                Optional<WebTls> tls = edges.askedBy(config);
                if (before != null && before.config.equals(config)) {
                    before.tls = tls;
                    next.put(config.name(), before);
                } else {
                    next.put(config.name(), new Forward(config, tls, before));
                }
            }
            List<Forward> leaving = new ArrayList<>(forwards.values());
            leaving.removeAll(next.values());
            leaving.forEach(Forward::stop);
            forwards = Map.copyOf(next);
            next.values().forEach(this::watch);
            decide();
            offerings.forEach(Offering::tryAgain);
        });
    }

    /** Offers from now on. */
    void begin() {
        loop.execute(() -> {
            begun = true;
            forwards.values().forEach(this::watch);
            decide();
        });
    }

    /** Another process is about to offer the same: until it does, there should be a listener. */
    void handOver() {
        handedOver = true;
    }

    /** Whether another process of this machine has taken over, or is about to. */
    boolean isHandedOver() {
        return handedOver;
    }

    /** Offers nothing any more; where another process takes our place, as soon as that has had the time to. */
    void end() {
        if (handedOver) {
            loop.schedule(this::stop, PATIENCE_SECONDS, TimeUnit.SECONDS);
        } else {
            loop.execute(this::stop);
        }
    }

    private void stop() {
        ended = true;
        forwards.values().forEach(Forward::stop);
        decide();
    }

    private void watch(Forward forward) {
        if (begun && !ended && forward.health == null && forward.config.health().isPresent()) {
            HealthConfig config = forward.config.health().get();
            Dialer checks = dialer.within(config.timeout());
            forward.health = new Health(
                    loop,
                    config,
                    forward.known,
                    () -> TargetGreeting.dial(checks, loop, forward.config, forward.tls, Origin.UNKNOWN, () -> false)
                            .addListener((Future<Channel> reached) -> {
                                if (reached.isSuccess()) {
                                    reached.getNow().close();
                                }
                            }),
                    (up, reason) -> tell(forward, up, reason));
            forward.health.look();
        }
    }

    private void tell(Forward forward, boolean up, String reason) {
        forward.up = up;
        ReverseConfig config = forward.config;
        LoggingEventBuilder line = (up ? LOG.atInfo() : LOG.atWarn())
                .addKeyValue("event", up ? "target_up" : "target_down")
                .addKeyValue("listener", config.name())
                .addKeyValue("target", config.target());
        if (up) {
            line.log("{}: {} answers", config.place(), config.target());
        } else {
            line.addKeyValue("reason", reason)
                    .log("{}: not offered while its target does not answer: {}", config.place(), reason);
        }
        decide();
    }

    private void decide() {
        wanted = !begun || ended
                ? Map.of()
                : forwards.values().stream()
                        .filter(forward -> forward.up)
                        .collect(toMap(forward -> forward.config.name(), forward -> forward.config.listen()));
        offerings.forEach(Offering::update);
    }

    Map<String, Optional<HostPort>> wanted() {
        return wanted;
    }

    long process() {
        return process;
    }

    /**
     * Offers in a session that is up, until that has ended. On its event loop.
     *
     * @param settled run when the server has answered all that is offered now
     */
    Offering offerIn(MuxSession session, EventLoop loop, String server, Runnable settled) {
        Offering offering = new Offering(this, session, loop, server, settled);
        if (!handedOver) { // else who has taken over would lose it again
            offerings.add(offering);
            offering.update();
        }
        return offering;
    }

    void forget(Offering offering) {
        offerings.remove(offering);
    }

    /** Takes a stream that a server has opened. On the event loop of the session. */
    void take(MuxStream stream, EventLoop loop) {
        OpenRequest request = stream.request();
        String name = Connection.word(request.forward());
        Forward forward = forwards.get(request.forward());
        if (forward == null || request.kind() != OpenRequest.Kind.CONNECTION) {
            // Not processed: it may have been offered until a moment ago, and by others still.
            stream.reset(ErrorCode.REFUSED, "this client does not offer " + name);
            return;
        }
        if (!forward.up) {
            stream.reset(ErrorCode.REFUSED, "this client does not offer " + name + " now: its target does not answer");
            return;
        }
        int most = forward.config.maxConnections();
        if (forward.open.incrementAndGet() > most) {
            forward.open.decrementAndGet();
            stream.reset(ErrorCode.REFUSED, "%s has %d connections, the most it may have".formatted(name, most));
            return;
        }
        Connection connection = connections.add(
                connections.idFor(request.connectionId()),
                forward.config.place(),
                "",
                request.source() == null
                        ? Origin.UNKNOWN.words()
                        : request.source().toString(),
                forward.config.target().toString());
        connection.onEnd(forward.open::decrementAndGet);
        connection.limitedBy(limits.apply(forward.config.place()).otherWay());
        Future<Channel> target =
                TargetGreeting.dial(dialer, loop, forward.config, forward.tls, origin(request), stream::hasEarlyData);
        TargetDial.await(target, loop, stream, connection, "server", channel -> {
            Splice.accept(channel, connection, stream);
            Hold.release(channel);
        });
    }

    /** Who has connected to the server, and where, as far as that tells. */
    private static Origin origin(OpenRequest request) {
        return request.source() == null || !(request.target() instanceof HostPort listener)
                ? Origin.UNKNOWN
                : Origin.of(address(request.source()), address(listener));
    }

    /** A server could write a name, and nobody looks that up. */
    private static InetSocketAddress address(HostPort address) {
        InetAddress ip = NetUtil.createInetAddressFromIpAddressString(address.host());
        return ip == null
                ? InetSocketAddress.createUnresolved(address.host(), address.port())
                : new InetSocketAddress(ip, address.port());
    }

    /** What is not as the configuration has it, a sentence each. */
    List<String> troubles() {
        return offerings.stream()
                .flatMap(offering -> offering.refusals().stream())
                .distinct()
                .sorted()
                .toList();
    }

    private int sessions(String name) {
        return (int)
                offerings.stream().filter(offering -> offering.stands(name)).count();
    }

    List<OfferStatus> status() {
        return forwards.keySet().stream()
                .sorted()
                .map(name -> new OfferStatus(name, "", sessions(name), false))
                .toList();
    }
}
