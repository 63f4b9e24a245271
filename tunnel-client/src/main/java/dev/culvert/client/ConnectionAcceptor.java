package dev.culvert.client;

import dev.culvert.common.lifecycle.Agent;
import dev.culvert.common.net.Acceptor;
import dev.culvert.common.net.Origin;
import dev.culvert.common.rate.Limits;
import dev.culvert.common.splice.Answer;
import dev.culvert.common.splice.Arrival;
import dev.culvert.common.splice.Carriers;
import dev.culvert.common.splice.Connection;
import dev.culvert.common.splice.Connections;
import dev.culvert.common.splice.HttpAnswer;
import dev.culvert.common.splice.Prelude;
import dev.culvert.common.tls.OfferedTls;
import dev.culvert.common.tls.WebTls;
import dev.culvert.mux.Address;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.OpenRequest;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.DuplexChannel;
import io.netty.channel.socket.DuplexChannelConfig;
import io.netty.util.concurrent.Ticker;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Takes the connections of applications, to a forward or by the admin endpoint, and has each carried by a session. */
final class ConnectionAcceptor {
    private static final Logger LOG = LoggerFactory.getLogger(ConnectionAcceptor.class);

    /** What the connections are called that the admin endpoint is asked for. */
    private static final String CONNECT = "connect";

    private static final int MOST_CONNECTS = 10_000;

    private final EventLoop loop;
    private final Connections connections;
    private final Carriers<Uplink> carriers;
    private final Ticker ticker;
    private final Function<String, Limits> limits;
    private final Supplier<ClientConfig> config;
    private final Supplier<Edges> edges;

    /** Bytes in all the preludes. */
    private final AtomicLong preludes = new AtomicLong();

    /** Connections that the admin endpoint was asked for. */
    private final AtomicInteger connects = new AtomicInteger();

    // On the event loop that accepts only.
    /** Accepted, and they have not said yet where they go. */
    private int receptions;
    /** Null: this agent does not drain. */
    private @Nullable Runnable whenServed;

    /**
     * Without a connection so far.
     *
     * @param loop the event loop that accepts, and that of {@code carriers}
     * @param limits those of a connection, by what it is called
     * @param config as it was last read
     * @param edges of the forwards that are listened for
     */
    ConnectionAcceptor(
            EventLoop loop,
            Connections connections,
            Carriers<Uplink> carriers,
            Ticker ticker,
            Function<String, Limits> limits,
            Supplier<ClientConfig> config,
            Supplier<Edges> edges) {
        this.loop = loop;
        this.connections = connections;
        this.carriers = carriers;
        this.ticker = ticker;
        this.limits = limits;
        this.config = config;
        this.edges = edges;
    }

    /** Somebody has connected to {@code forward}. On the event loop that accepts. */
    void arrive(ForwardConfig forward, Acceptor acceptor, DuplexChannel channel) {
        Origin origin = Origin.of(channel);
        Edges now = edges.get();
        Optional<WebTls> targetTls = now.askedBy(forward);
        Optional<OfferedTls> offered = now.offeredBy(forward);
        boolean isStale = (forward.targetTls().isPresent() && targetTls.isEmpty())
                || (forward.tls().isPresent() && offered.isEmpty()); // a reload has just come between
        if (origin == null || isStale) { // without an origin it is gone already
            channel.unsafe().closeForcibly();
            acceptor.release();
            return;
        }
        ((DuplexChannelConfig) channel.config()).setAllowHalfClosure(true);
        if (!Reception.isFor(forward, origin)) {
            Address target = forward.target().orElse(null);
            enter(forward, targetTls, acceptor, channel, origin, new Reception.Destination(target, Answer.RESET));
            return;
        }
        receptions++;
        Reception.begin(loop, forward, offered, channel, origin, new Reception.Host() {
            @Override
            public void admit(Origin said, Reception.Destination destination) {
                enter(forward, targetTls, acceptor, channel, said, destination);
                received();
            }

            @Override
            public void turnAway(Origin said, String why) {
                LOG.info("{}: {} turned away: {}", forward.place(), said.words(), why);
                acceptor.release();
                received();
            }
        });
    }

    private void received() {
        receptions--;
        tellIfServed();
    }

    private void enter(
            ForwardConfig forward,
            Optional<WebTls> targetTls,
            Acceptor acceptor,
            DuplexChannel channel,
            Origin origin,
            Reception.Destination destination) {
        Prelude said = new Prelude(preludes);
        forward.header().ifPresent(header -> said.beginWith(header.of(origin)));
        targetTls.ifPresent(tls -> Edges.wrap(channel, tls));
        carriers.assign(arrival(forward.name(), channel, origin, destination, said, acceptor::release));
    }

    private Arrival arrival(
            String forward,
            DuplexChannel channel,
            Origin origin,
            Reception.Destination destination,
            Prelude said,
            Runnable atEnd) {
        Address target = destination.target();
        OpenRequest request = new OpenRequest(target, origin.address(), connections.newId(), forward);
        Connection connection = connections.add(
                request.connectionId(),
                forward,
                "",
                origin.words(),
                target == null ? "the server's" : target.toString());
        connection.answeredBy(destination.answer());
        connection.onEnd(atEnd);
        connection.limitedBy(limits.apply(forward));
        long deadline =
                ticker.nanoTime() + config.get().upstream().sessionWait().toNanos();
        return new Arrival(channel, connection, request, deadline, said, null);
    }

    /** As {@link Agent#connect} has it. */
    void connect(DuplexChannel channel, Address target, HttpAnswer answer) {
        Origin origin = Origin.of(channel);
        Protocol protocol = config.get().upstream().protocol();
        if (origin == null) { // gone already
            channel.close();
        } else if (protocol != Protocol.CULVERT) {
            answer.refused(
                    channel,
                    ErrorCode.FORBIDDEN,
                    "with upstream.protocol = " + protocol + " the peer decides the target");
        } else if (connects.incrementAndGet() > MOST_CONNECTS) {
            connects.decrementAndGet();
            answer.refused(
                    channel,
                    ErrorCode.LIMIT_REACHED,
                    MOST_CONNECTS + " connections are open this way, which is the most");
        } else {
            Reception.Destination destination = new Reception.Destination(target, answer);
            Arrival arrival =
                    arrival(CONNECT, channel, origin, destination, new Prelude(preludes), connects::decrementAndGet);
            loop.execute(() -> carriers.assign(arrival));
        }
    }

    /**
     * Nobody comes any more. Any thread.
     *
     * @param action run when all who have come are served: those who have no stream yet want sessions
     */
    void drain(Runnable action) {
        loop.execute(() -> {
            whenServed = action;
            tellIfServed();
        });
    }

    private void tellIfServed() {
        if (whenServed != null && receptions == 0) {
            carriers.whenServed(whenServed);
        }
    }
}
