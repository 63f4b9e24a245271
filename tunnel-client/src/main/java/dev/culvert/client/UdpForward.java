package dev.culvert.client;

import dev.culvert.common.net.AllowRule;
import dev.culvert.common.net.DatagramSockets;
import dev.culvert.common.net.OutOfMemory;
import dev.culvert.common.rate.Limits;
import dev.culvert.common.splice.Carriers;
import dev.culvert.common.splice.Connection;
import dev.culvert.common.splice.Connections;
import dev.culvert.common.splice.DatagramMemory;
import dev.culvert.common.splice.Datagrams.Loss;
import dev.culvert.common.splice.Flow;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.OpenRequest;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoop;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.socket.DatagramChannel;
import io.netty.channel.socket.DatagramPacket;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The listening socket of a UDP forward, and the flows of its senders. A flow begins with the first datagram of a
 * sender, and only where a session is there: datagrams do not wait for one. When there are as many flows as there may
 * be, that whose sender has been silent for longest gives way, since most senders of UDP ask one question and never
 * come back.
 *
 * <p>Runs on the event loop of the socket, but for what says otherwise.
 */
@SuppressWarnings("FutureReturnValueIgnored") // What a close comes to is of no interest.
final class UdpForward extends ChannelInboundHandlerAdapter {
    /** For so long the other side is not asked again for a flow that it has just refused. */
    private static final long REST_MILLIS = 1_000;
    /** What waits for the socket; it takes as much at once, as a rule. */
    private static final WriteBufferWaterMark ROOM = new WriteBufferWaterMark(512 << 10, 1 << 20);

    private final DatagramChannel channel;
    private final Connections connections;
    private final Function<String, Limits> limits;
    private final Carriers<Uplink> uplinks;
    private final DatagramMemory memory;
    /** By sender, that which has been silent for longest first. */
    private final Map<Sender, UdpFlow> flows = new LinkedHashMap<>(16, 0.75f, true);

    private volatile ForwardConfig place;
    private boolean retired;

    /** @param channel bound, and on the event loop that {@code uplinks} has */
    UdpForward(
            DatagramChannel channel,
            ForwardConfig place,
            Connections connections,
            Function<String, Limits> limits,
            Carriers<Uplink> uplinks,
            DatagramMemory memory) {
        this.channel = channel;
        this.place = place;
        this.connections = connections;
        this.limits = limits;
        this.uplinks = uplinks;
        this.memory = memory;
        channel.config().setWriteBufferWaterMark(ROOM);
        channel.pipeline().addLast(this);
    }

    DatagramChannel channel() {
        return channel;
    }

    /** Any thread. */
    ForwardConfig place() {
        return place;
    }

    /** Where it listens, as {@link dev.culvert.common.net.ListeningSocket} has it. Any thread. */
    String address() {
        return DatagramSockets.address(channel.localAddress());
    }

    DatagramMemory memory() {
        return memory;
    }

    /** Begins flows again, if it has not closed: false. */
    boolean revive() {
        retired = false;
        return channel.isOpen();
    }

    /** From now on it is for this. Any thread. */
    void become(ForwardConfig next) {
        place = next;
    }

    /**
     * Begins no more flows, and closes when the last has ended.
     *
     * @param handedOver another process reads what comes to the socket; only answers are ours
     */
    void retire(boolean handedOver) {
        retired = true;
        if (handedOver) {
            channel.config().setAutoRead(false);
        }
        closeIfDone();
    }

    private void closeIfDone() {
        if (retired && flows.isEmpty()) {
            channel.close();
        }
    }

    // ---- from senders to the session

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        DatagramPacket packet = (DatagramPacket) message;
        try {
            arrive(packet.sender(), packet.content());
        } finally {
            packet.release();
        }
    }

    private void arrive(InetSocketAddress sender, ByteBuf datagram) {
        if (!Flow.fits(datagram)) {
            lose(Loss.TOO_LARGE);
            return;
        }
        UdpFlow flow = flows.get(new Sender(sender));
        if (flow == null) {
            flow = begin(sender);
        }
        if (flow != null && flow.isRefused()) {
            lose(Loss.REFUSED);
        } else if (flow != null) {
            if (flow.isStranded() && !retired && uplinks.best().isPresent()) {
                flow.leaveIfStranded(); // the next datagram is not to wait for what may never be
            }
            flow.arrive(datagram);
        }
    }

    private @Nullable UdpFlow begin(InetSocketAddress sender) {
        Optional<Uplink> uplink = uplinks.best();
        if (retired || uplink.isEmpty()) {
            lose(retired ? Loss.DRAINING : Loss.NO_SESSION);
            return null;
        }
        makeRoom();
        ForwardConfig to = place;
        HostPort target = (HostPort) to.target().orElseThrow();
        HostPort source = HostPort.of(sender);
        String id = connections.newId();
        Connection connection = connections
                .add(id, to.name(), "", source.toString(), AllowRule.UDP + target)
                .ofDatagrams();
        connection.limitedBy(limits.apply(to.name()));
        OpenRequest request = new OpenRequest(OpenRequest.Kind.DATAGRAMS, target, source, id, to.name());
        UdpFlow flow = new UdpFlow(
                this,
                sender,
                connection,
                request,
                to.flowTimeout(),
                uplink.get().loop());
        flows.put(new Sender(sender), flow);
        uplink.get().take(flow);
        return flow;
    }

    private void makeRoom() {
        int most = place.maxConnections();
        Iterator<UdpFlow> oldest = flows.values().iterator();
        while (flows.size() >= most) {
            UdpFlow leaving = oldest.next();
            oldest.remove();
            leaving.giveWay(most);
        }
    }

    /** A datagram was dropped. Any thread. */
    void lose(Loss why) {
        connections.datagrams().lose(why);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        OutOfMemory.check(cause);
        lose(Loss.SOCKET);
    }

    // ---- from the session to senders

    /**
     * Sends a datagram, which it takes, at the next {@link #flush}; false: it cannot, and has dropped it. Any thread.
     */
    boolean answer(InetSocketAddress sender, ByteBuf datagram) {
        if (!datagram.isReadable()) {
            datagram.release();
            return answerEmpty(sender);
        }
        if (!channel.isWritable()) {
            datagram.release();
            return false;
        }
        channel.write(new DatagramPacket(datagram, sender)).addListener(written -> {
            if (!written.isSuccess()) {
                lose(Loss.SOCKET);
            }
        });
        return true;
    }

    private boolean answerEmpty(InetSocketAddress sender) {
        if (!memory.take(0)) {
            return false;
        }
        channel.eventLoop().execute(() -> {
            memory.give(0);
            try {
                DatagramSockets.sendEmpty(channel, sender);
            } catch (IOException e) {
                lose(Loss.SOCKET);
            }
        });
        return true;
    }

    /** Any thread. */
    void flush() {
        channel.flush();
    }

    /** A flow has ended; true: the other side has refused it. Any thread. */
    void onEnd(UdpFlow flow, boolean refused) {
        EventLoop loop = channel.eventLoop();
        loop.execute(() -> {
            if (refused) {
                flow.refused();
                loop.schedule(() -> forget(flow), REST_MILLIS, TimeUnit.MILLISECONDS);
            } else {
                forget(flow);
            }
        });
    }

    private void forget(UdpFlow flow) {
        flows.remove(new Sender(flow.sender()), flow);
        closeIfDone();
    }
}
