package dev.culvert.client;

import dev.culvert.common.net.Acceptor;
import dev.culvert.common.net.AllowRule;
import dev.culvert.common.net.DatagramSockets;
import dev.culvert.common.net.ListeningSocket;
import dev.culvert.common.net.Overlap;
import dev.culvert.common.net.Transport;
import dev.culvert.common.rate.Limits;
import dev.culvert.common.splice.Carriers;
import dev.culvert.common.splice.Connections;
import dev.culvert.common.splice.DatagramMemory;
import dev.culvert.mux.HostPort;
import io.netty.channel.ChannelException;
import io.netty.channel.ChannelFuture;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.DatagramChannel;
import io.netty.channel.unix.UnixChannel;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The sockets of the UDP forwards, which come, change and go with the configuration: the counterpart of
 * {@link dev.culvert.common.net.Listeners}. A socket that goes stays for its flows until the last has ended, since
 * their answers come from its address. By the thread that starts and reloads the agent.
 */
final class UdpForwards {
    private static final Logger LOG = LoggerFactory.getLogger(UdpForwards.class);

    private final Transport transport;
    private final EventLoop loop;
    private final List<ListeningSocket> passed;
    private final Connections connections;
    private final Function<String, Limits> limits;
    private final Carriers<Uplink> uplinks;
    private final DatagramMemory memory = new DatagramMemory();

    private volatile List<UdpForward> open = List.of();
    /** Those that go. */
    private final List<UdpForward> leaving = new ArrayList<>();

    private boolean begun;
    private volatile boolean handedOver;

    /**
     * Without a socket so far.
     *
     * @param loop that of {@code uplinks}
     * @param passed sockets that are bound already, and are taken where they fit
     * @param limits those of a flow, by its forward
     */
    UdpForwards(
            Transport transport,
            EventLoop loop,
            List<ListeningSocket> passed,
            Connections connections,
            Function<String, Limits> limits,
            Carriers<Uplink> uplinks) {
        this.transport = transport;
        this.loop = loop;
        this.passed = new ArrayList<>(passed);
        this.connections = connections;
        this.limits = limits;
        this.uplinks = uplinks;
    }

    /**
     * Listens for these and for no others. The flows of those that go, go on.
     *
     * @throws IOException with a sentence for the user, and nothing has changed
     */
    void set(List<ForwardConfig> places) throws IOException, InterruptedException {
        leaving.removeIf(forward -> !forward.channel().isOpen());
        Optional<String> conflict = conflict(places);
        if (conflict.isPresent()) {
            throw new IOException(conflict.get());
        }
        Map<UdpForward, ForwardConfig> next = new LinkedHashMap<>();
        List<UdpForward> added = new ArrayList<>();
        try {
            for (ForwardConfig place : places) {
                Optional<UdpForward> present = fitting(open, place);
                if (present.isEmpty()) {
                    UdpForward forward = again(place);
                    added.add(forward);
                    next.put(forward, place);
                } else {
                    next.put(present.get(), place);
                }
            }
        } catch (IOException e) {
            added.forEach(this::retire);
            throw e;
        }
        next.forEach((forward, place) -> {
            if (!place.equals(forward.place())) {
                forward.become(place);
                LOG.info("{}: {} from now on", place.place(), place.describe());
            }
        });
        open.stream().filter(forward -> !next.containsKey(forward)).forEach(forward -> {
            LOG.info("{}: no longer listening on {}", forward.place().place(), forward.address());
            retire(forward);
        });
        open = List.copyOf(next.keySet());
        added.forEach(forward -> LOG.info("{}: listening on {}", forward.place().place(), forward.address()));
        if (begun) {
            added.forEach(UdpForwards::begin);
        }
    }

    private void retire(UdpForward forward) {
        leaving.add(forward);
        loop.execute(() -> forward.retire(handedOver));
    }

    /** One that is on its way out and comes back, or a new one. */
    private UdpForward again(ForwardConfig place) throws IOException, InterruptedException {
        Optional<UdpForward> back = fitting(leaving, place);
        if (back.isPresent()) {
            leaving.remove(back.get());
            if (loop.submit(back.get()::revive).await().getNow()) {
                return back.get();
            }
        }
        try {
            return new UdpForward(bound(place), place, connections, limits, uplinks, memory);
        } catch (IOException | ChannelException e) {
            String why = DatagramSockets.why(e);
            throw new IOException(
                    obstacle(List.of(place))
                            .orElseGet(() -> "%s: cannot listen on udp:%s: %s. %s"
                                    .formatted(place.place(), place.listen(), why, Acceptor.advice(why, "ss -lunp"))),
                    e);
        }
    }

    private DatagramChannel bound(ForwardConfig place) throws IOException, InterruptedException {
        HostPort listen = (HostPort) place.listen();
        InetSocketAddress address = new InetSocketAddress(listen.host(), listen.port());
        if (address.isUnresolved()) {
            throw new IOException("the name does not resolve");
        }
        Optional<ListeningSocket> handed = passed.stream()
                .filter(socket -> listen.port() == 0
                        ? socket.place().equals(place.place())
                        : socket.address().equals(DatagramSockets.address(address)))
                .findFirst();
        handed.ifPresent(passed::remove);
        DatagramChannel channel = handed.isPresent()
                ? DatagramSockets.adopt(transport, handed.get().descriptor())
                : DatagramSockets.listening(transport, address);
        ChannelFuture done = loop.register(channel).await();
        if (done.isSuccess() && handed.isEmpty()) {
            done = channel.bind(address).await();
        }
        if (!done.isSuccess()) {
            channel.close();
            throw new IOException(done.cause().getMessage(), done.cause());
        }
        return channel;
    }

    private static Optional<UdpForward> fitting(List<UdpForward> forwards, ForwardConfig place) {
        return forwards.stream().filter(forward -> fits(forward, place)).findFirst();
    }

    /** Whether it listens where {@code place} is to be: on port 0 every forward has a port of its own. */
    private static boolean fits(UdpForward forward, ForwardConfig place) {
        ForwardConfig now = forward.place();
        return now.listen().equals(place.listen())
                ? ((HostPort) place.listen()).port() != 0 || now.name().equals(place.name())
                : forward.address().equals(AllowRule.UDP + place.listen());
    }

    /**
     * Takes datagrams from now on: until then they wait. Sockets that were passed, and that nothing here is for, are
     * closed.
     */
    void begin() {
        begun = true;
        open.forEach(UdpForwards::begin);
        passed.forEach(ListeningSocket::close);
        passed.clear();
    }

    private static void begin(UdpForward forward) {
        forward.channel().config().setAutoRead(true);
    }

    /** Another process reads what comes from now on. Any thread. */
    void handOver() {
        handedOver = true;
    }

    /** What it listens on now, for another process. Any thread; epoll only. */
    List<ListeningSocket> sockets() {
        return open.stream()
                .map(forward -> new ListeningSocket(
                        forward.place().place(),
                        forward.address(),
                        ((UnixChannel) forward.channel()).fd().intValue()))
                .toList();
    }

    /** What {@link #set} would no longer listen for, with the addresses. Any thread. */
    Map<ForwardConfig, String> leaving(List<ForwardConfig> places) {
        Map<ForwardConfig, String> gone = new LinkedHashMap<>();
        for (UdpForward forward : open) {
            if (places.stream().noneMatch(place -> fits(forward, place))) {
                gone.put(forward.place(), forward.address());
            }
        }
        return gone;
    }

    /** Which socket of ours keeps {@link #set} from listening for these, in a sentence. Any thread. */
    Optional<String> obstacle(List<ForwardConfig> places) {
        List<UdpForward> now = open;
        return conflict(places)
                .or(() -> places.stream()
                        .filter(place -> fitting(now, place).isEmpty())
                        .flatMap(place -> now.stream()
                                .filter(forward -> Overlap.of(place.listen(), address(forward)))
                                .map(forward -> Overlap.inTheWay(
                                        place.place(),
                                        AllowRule.UDP + place.listen(),
                                        forward.place().place(),
                                        forward.address())))
                        .findFirst());
    }

    /** Which two of these are for one socket of ours, in a sentence. */
    private Optional<String> conflict(List<ForwardConfig> places) {
        return open.stream()
                .map(forward ->
                        places.stream().filter(place -> fits(forward, place)).toList())
                .filter(alike -> alike.size() > 1)
                .map(alike -> Overlap.shared(
                        alike.get(1).place(),
                        AllowRule.UDP + alike.get(1).listen(),
                        alike.get(0).place(),
                        AllowRule.UDP + alike.get(0).listen()))
                .findFirst();
    }

    private static HostPort address(UdpForward forward) {
        return HostPort.parse(forward.address().substring(AllowRule.UDP.length()));
    }

    /** Begins no more flows; those that are there go on. */
    void drain() {
        open.forEach(this::retire);
        open = List.of();
    }
}
