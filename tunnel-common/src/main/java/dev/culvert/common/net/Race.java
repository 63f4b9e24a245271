package dev.culvert.common.net;

import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.SystemError;
import io.netty.channel.Channel;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPromise;
import io.netty.channel.ConnectTimeoutException;
import io.netty.channel.DefaultChannelPromise;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Promise;
import java.net.Inet6Address;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Connects to the first of a target's addresses that answers (Happy Eyeballs, RFC 8305, sections 4 and 5): IPv6 and
 * IPv4 take turns, an attempt gets a head start of {@value #HEAD_START_MILLIS} ms before the next one sets out beside
 * it, and none after it has failed. When {@value #AT_ONCE} are under way, the next one takes the place of the oldest
 * after {@value #PATIENCE_MILLIS} ms more. The first to connect wins, the others are closed. A socket for datagrams
 * connects or fails at once, when it is known whether there is a route, so there one is tried after the other. Event
 * loop only.
 *
 * <pre>
 *   0 ms  [2001:db8::1]:443 ------------------------- closed
 * 250 ms              192.0.2.1:443 -- refused
 * 270 ms                  [2001:db8::2]:443 ------ connected: the winner
 * </pre>
 */
@SuppressWarnings("FutureReturnValueIgnored") // What a close or a connect comes to is heard through other listeners.
final class Race<C extends Channel> {
    static final long HEAD_START_MILLIS = 250;
    /** So many sockets a dial has at most, which counts as one. */
    static final int AT_ONCE = 3;
    /** So the oldest has had time for a SYN that was lost to be sent again, after a second. */
    static final long PATIENCE_MILLIS = 1_000;
    /** Of a target's addresses so many take part: whoever runs the zone of a name says how many it has. */
    static final int MOST = 16;

    private static final int MOST_NAMED = 8;
    private static final String NO_ANSWER_YET = "no answer yet";

    /** From the code that says most about a target to the one that says least. */
    private static final List<ErrorCode> TELLING = List.of(
            ErrorCode.LIMIT_REACHED,
            ErrorCode.CONNECTION_REFUSED,
            ErrorCode.CONNECTION_RESET,
            ErrorCode.TIMEOUT,
            ErrorCode.UNREACHABLE,
            ErrorCode.INTERNAL,
            ErrorCode.FORBIDDEN);

    private final EventLoop loop;
    private final Function<InetSocketAddress, ? extends C> sockets;
    private final HostPort target;
    private final Promise<C> winner;

    private final Deque<InetSocketAddress> waiting = new ArrayDeque<>();
    private final Map<C, ChannelPromise> running = new LinkedHashMap<>();
    private final Map<InetSocketAddress, String> outcomes = new LinkedHashMap<>();
    private final Set<ErrorCode> codes = EnumSet.noneOf(ErrorCode.class);
    private @Nullable Future<?> headStart;

    /**
     * @param sockets makes the channels that are raced, each for its address; may throw
     * @param winner gets the connected channel or a {@link DialFailure}; done by anybody else, it ends the race
     */
    Race(EventLoop loop, Function<InetSocketAddress, ? extends C> sockets, HostPort target, Promise<C> winner) {
        this.loop = loop;
        this.sockets = sockets;
        this.target = target;
        this.winner = winner;
    }

    /** Starts the race between those of the first {@value #MOST} addresses that are allowed. Once. */
    void run(List<InetSocketAddress> addresses, Predicate<InetSocketAddress> allowed) {
        for (InetSocketAddress address : interleaved(addresses)) {
            if (allowed.test(address)) {
                waiting.add(address);
            } else {
                failed(address, ErrorCode.FORBIDDEN, "not allowed");
            }
        }
        winner.addListener(done -> end());
        next();
    }

    /** The failure of a race that has not been won in time. */
    DialFailure outOfTime(Duration time) {
        String why = "not connected within " + time.toMillis() + " ms";
        return new DialFailure(
                ErrorCode.TIMEOUT,
                target,
                outcomes.isEmpty() ? why + "; its name was not resolved yet" : withOutcomes(why));
    }

    /** IPv6 and IPv4 by turns, IPv6 first, {@value #MOST} in all; within a family the order stays. */
    static List<InetSocketAddress> interleaved(List<InetSocketAddress> addresses) {
        Iterator<InetSocketAddress> six =
                addresses.stream().filter(Race::isIpv6).iterator();
        Iterator<InetSocketAddress> four =
                addresses.stream().filter(address -> !isIpv6(address)).iterator();
        List<InetSocketAddress> order = new ArrayList<>();
        while (order.size() < MOST && (six.hasNext() || four.hasNext())) {
            if (six.hasNext()) {
                order.add(six.next());
            }
            if (four.hasNext() && order.size() < MOST) {
                order.add(four.next());
            }
        }
        return order;
    }

    private static boolean isIpv6(InetSocketAddress address) {
        return address.getAddress() instanceof Inet6Address;
    }

    private void next() {
        stopWaiting();
        if (winner.isDone()) {
            return;
        }
        InetSocketAddress address = waiting.poll();
        if (address != null) {
            if (!waiting.isEmpty()) {
                headStart = running.size() + 1 < AT_ONCE
                        ? loop.schedule(this::next, HEAD_START_MILLIS, TimeUnit.MILLISECONDS)
                        : loop.schedule(this::replaceOldest, PATIENCE_MILLIS, TimeUnit.MILLISECONDS);
            }
            connect(address);
        } else if (running.isEmpty()) {
            winner.tryFailure(lost());
        }
    }

    /** It fails, and with that the next one sets out. */
    private void replaceOldest() {
        running.values().iterator().next().tryFailure(new ConnectTimeoutException("timed out"));
    }

    private void connect(InetSocketAddress address) {
        C channel;
        try {
            channel = sockets.apply(address);
        } catch (RuntimeException e) {
            failed(address, e);
            next();
            return;
        }
        outcomes.put(address, NO_ANSWER_YET);
        ChannelPromise connected = new DefaultChannelPromise(channel, loop);
        running.put(channel, connected);
        connected.addListener(done -> {
            running.remove(channel);
            if (done.isSuccess() && winner.trySuccess(channel)) {
                return;
            }
            leave(channel);
            if (!done.isSuccess()) {
                failed(address, done.cause());
                next();
            }
        });
        loop.register(channel).addListener(registered -> {
            if (registered.isSuccess()) {
                channel.connect(address, connected);
            } else {
                connected.tryFailure(registered.cause());
            }
        });
    }

    private void failed(InetSocketAddress address, Throwable cause) {
        Symptom symptom = Symptom.of(cause);
        if (symptom == null) {
            failed(address, ErrorCode.INTERNAL, SystemError.words(cause));
        } else {
            failed(address, symptom.code, symptom.text);
        }
    }

    private void failed(InetSocketAddress address, ErrorCode code, String text) {
        codes.add(code);
        outcomes.put(address, text);
    }

    private DialFailure lost() {
        ErrorCode code = TELLING.stream().filter(codes::contains).findFirst().orElse(ErrorCode.NAME_NOT_FOUND);
        return new DialFailure(code, target, withOutcomes(code.toString()));
    }

    private String withOutcomes(String why) {
        if (outcomes.size() == 1) {
            Map.Entry<InetSocketAddress, String> only =
                    outcomes.entrySet().iterator().next();
            if (HostPort.of(only.getKey()).equals(target)) {
                return Set.of(why, NO_ANSWER_YET).contains(only.getValue()) ? why : why + ": " + only.getValue();
            }
        }
        int unnamed = outcomes.size() - MOST_NAMED;
        return outcomes.entrySet().stream()
                .limit(MOST_NAMED)
                .map(outcome -> HostPort.of(outcome.getKey()) + " (" + outcome.getValue() + ")")
                .collect(Collectors.joining(", ", why + "; tried ", unnamed > 0 ? " and " + unnamed + " more" : ""));
    }

    private void end() {
        stopWaiting();
        waiting.clear();
        // A copy: a channel that is closed leaves the set.
        List.copyOf(running.keySet()).forEach(this::leave);
    }

    /**
     * Where nobody wants a winner any more, a target that has just accepted sees a reset, as it would a moment later,
     * and no orderly end.
     */
    private void leave(C channel) {
        if (winner.isCancelled() && channel.isOpen()) {
            channel.config().setOption(ChannelOption.SO_LINGER, 0);
        }
        channel.close();
    }

    private void stopWaiting() {
        if (headStart != null) {
            headStart.cancel(false);
        }
    }
}
