package dev.culvert.common.net;

import dev.culvert.mux.Address;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.SystemError;
import dev.culvert.mux.UnixPath;
import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.socket.DatagramChannel;
import io.netty.channel.socket.DuplexChannel;
import io.netty.channel.socket.DuplexChannelConfig;
import io.netty.channel.socket.SocketChannel;
import io.netty.resolver.dns.DnsServerAddressStreamProviders;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Promise;
import java.io.File;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * Opens connections to targets: to a unix socket, or by TCP: resolves the name, anew each time, and races its addresses
 * ({@link Race}) under one deadline. Nothing blocks. One dialer serves all event loops of its transport and needs no
 * closing.
 */
public final class Dialer {
    private final Transport transport;
    private final Function<InetSocketAddress, SocketChannel> sockets;
    private final Resolver resolver;
    private final Duration timeout;

    /**
     * A dialer which resolves as the machine does: {@code /etc/hosts}, then the name servers of {@code resolv.conf}.
     *
     * @param timeout what resolving and connecting may take together; 1 ms or more
     */
    public Dialer(Transport transport, Duration timeout) {
        this(
                transport,
                transport::newSocket,
                new Resolver(
                        transport,
                        new HostsFile(new File("/etc/hosts")),
                        new ResolvConf(new File("/etc/resolv.conf"), DnsServerAddressStreamProviders.platformDefault()),
                        Resolver.PATIENCE),
                timeout);
    }

    Dialer(
            Transport transport,
            Function<InetSocketAddress, SocketChannel> sockets,
            Resolver resolver,
            Duration timeout) {
        this.transport = transport;
        this.sockets = sockets;
        this.resolver = resolver;
        this.timeout = timeout;
    }

    /**
     * One with another deadline that asks the same name servers and knows what they have said: Netty keeps those while
     * the loops run.
     */
    public Dialer within(Duration newTimeout) {
        return new Dialer(transport, sockets, resolver, newTimeout);
    }

    /** What resolving and connecting may take together. */
    public Duration timeout() {
        return timeout;
    }

    /**
     * Resolves a target, as a dial does. From any thread.
     *
     * @return one address or more; it fails with a {@link DialFailure}
     */
    public Future<List<InetSocketAddress>> resolve(EventLoop loop, HostPort target) {
        return onLoop(loop, target, promise -> resolveFor(loop, target, promise, promise::trySuccess));
    }

    /** Dials a target to which there may be nothing to say, else as the other. */
    public Future<Channel> dial(EventLoop loop, Address target, Predicate<InetSocketAddress> allowed) {
        return dial(loop, target, allowed, () -> false);
    }

    /**
     * Dials a target. From any thread, and not before the loop has done what it is at: what has come for the target in
     * the same batch is there by then.
     *
     * <p>The filter sees each resolved address, on the loop, and the address it has seen is the one that is dialled: no
     * second look-up can put another one in its place (DNS rebinding).
     *
     * @param loop an event loop of this dialer's transport; the channel is registered there
     * @param allowed which of the target's addresses may be dialled; a unix socket has none, and is dialled
     * @param dataWaits whether there is data to send as soon as the target answers, asked on the loop: the ACK that
     *     ends TCP's handshake then goes with it, not ahead of it, which spares both sides a packet
     * @return the connected channel, owned by the caller: auto-read is off until the caller turns it on, half-closure
     *     is allowed, TCP_NODELAY and SO_KEEPALIVE are set where it is TCP, the pipeline is empty. The future completes
     *     on the loop, and fails with a {@link DialFailure}; to cancel it closes whatever is under way.
     */
    public Future<Channel> dial(
            EventLoop loop, Address target, Predicate<InetSocketAddress> allowed, BooleanSupplier dataWaits) {
        return onLoop(loop, target, promise -> {
            if (target instanceof UnixPath path) {
                start(loop, path, promise);
            } else {
                race(loop, (HostPort) target, to -> newSocket(to, dataWaits.getAsBoolean()), allowed, promise);
            }
        });
    }

    /**
     * Dials a target by way of a proxy, which resolves its name, all under the one deadline; else as the others.
     *
     * @return what the target says by itself goes to the handlers that listeners of the future add at once
     */
    public Future<Channel> dial(EventLoop loop, HostPort target, Proxy proxy) {
        Sequel byProxy = new Sequel() {
            @Override
            public void begin(Channel channel, Promise<Channel> through) {
                ProxyDialogue.begin(channel, proxy, target, through);
            }

            @Override
            public Throwable overdue() {
                return DialFailure.silent(target, proxy, timeout);
            }

            @Override
            public Throwable notDialled(Throwable cause) {
                return DialFailure.noProxy(target, proxy, cause);
            }
        };
        return byProxy.follow(dial(loop, proxy.address(), address -> true), loop, timeout);
    }

    /**
     * Makes a socket for datagrams to a target, which it is connected to: it gets no others, and hears where ICMP says
     * that nobody listens. From any thread; else as {@link #dial}, except that nothing is sent, and so whether anybody
     * is there is not known.
     *
     * @return the connected channel, as {@link DatagramSockets} makes it
     */
    public Future<DatagramChannel> dialDatagrams(
            EventLoop loop, HostPort target, Predicate<InetSocketAddress> allowed) {
        return onLoop(loop, target, promise -> {
            race(loop, target, to -> DatagramSockets.connecting(transport, to), allowed, promise);
        });
    }

    private static <V> Promise<V> onLoop(EventLoop loop, Address target, Consumer<Promise<V>> start) {
        Promise<V> promise = loop.newPromise();
        try {
            loop.execute(() -> {
                if (!promise.isDone()) {
                    start.accept(promise);
                }
            });
        } catch (RejectedExecutionException e) { // the loop is shutting down
            promise.tryFailure(new DialFailure(ErrorCode.INTERNAL, target, "not dialled: " + e));
        }
        return promise;
    }

    /**
     * Goes on with the addresses, or fails the promise. When that is done by anybody else, nobody waits for the name
     * servers any more.
     */
    private void resolveFor(
            EventLoop loop, HostPort target, Promise<?> promise, Consumer<List<InetSocketAddress>> then) {
        Future<List<InetAddress>> resolving = resolver.resolve(loop, target.host());
        promise.addListener(done -> resolving.cancel(false));
        resolving.addListener((Future<List<InetAddress>> resolved) -> {
            if (resolved.isSuccess()) {
                then.accept(resolved.getNow().stream()
                        .map(address -> new InetSocketAddress(address, target.port()))
                        .toList());
            } else {
                promise.tryFailure(notResolved(target, resolved.cause()));
            }
        });
    }

    private <C extends Channel> void race(
            EventLoop loop,
            HostPort target,
            Function<InetSocketAddress, C> newSocket,
            Predicate<InetSocketAddress> allowed,
            Promise<C> promise) {
        Race<C> race = new Race<>(loop, newSocket, target, promise);
        limit(loop, promise, () -> race.outOfTime(timeout));
        resolveFor(loop, target, promise, addresses -> race.run(addresses, allowed));
    }

    private void start(EventLoop loop, UnixPath path, Promise<Channel> promise) {
        UnixDial dial = new UnixDial(loop, () -> ready(transport.newDomainSocket()), path, promise);
        limit(loop, promise, () -> dial.outOfTime(timeout.toMillis()));
        dial.run();
    }

    private void limit(EventLoop loop, Promise<?> promise, Supplier<DialFailure> outOfTime) {
        Future<?> deadline =
                loop.schedule(() -> promise.tryFailure(outOfTime.get()), timeout.toMillis(), TimeUnit.MILLISECONDS);
        promise.addListener(done -> deadline.cancel(false));
    }

    private static DialFailure notResolved(HostPort target, Throwable cause) {
        Symptom symptom = Symptom.of(cause);
        if (symptom == Symptom.NO_DESCRIPTOR) {
            return new DialFailure(symptom.code, target, symptom.text);
        }
        if (symptom == Symptom.NO_ANSWER) {
            return new DialFailure(symptom.code, target, "no name server answered");
        }
        return new DialFailure(
                ErrorCode.NAME_NOT_FOUND, target, "its name does not resolve: " + SystemError.words(cause));
    }

    private SocketChannel newSocket(InetSocketAddress to, boolean dataWaits) {
        SocketChannel channel = sockets.apply(to);
        if (dataWaits) {
            channel.config().setOption(EpollChannelOption.TCP_QUICKACK, false); // not for NIO, which does not know it
        }
        channel.config().setKeepAlive(true); // which has set TCP_NODELAY
        Loopback.fit(channel, to);
        return ready(channel);
    }

    private static <C extends DuplexChannel> C ready(C channel) {
        DuplexChannelConfig config = (DuplexChannelConfig) channel.config();
        config.setAutoRead(false);
        config.setAllowHalfClosure(true);
        config.setConnectTimeoutMillis(0); // the dial has its own deadline
        return channel;
    }
}
