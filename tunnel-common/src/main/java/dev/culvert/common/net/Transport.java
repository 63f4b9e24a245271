package dev.culvert.common.net;

import dev.culvert.mux.SystemError;
import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.ChannelFactory;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.EventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollDatagramChannel;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.DatagramChannel;
import io.netty.channel.socket.DuplexChannel;
import io.netty.channel.socket.ServerSocketChannel;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.SocketProtocolFamily;
import io.netty.channel.socket.nio.NioDatagramChannel;
import io.netty.channel.socket.nio.NioServerDomainSocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.net.Inet4Address;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.spi.SelectorProvider;
import java.nio.file.Path;
import java.util.function.Consumer;

/** How sockets are driven: event loops, and the channels that run on them. Channels of one transport need its loops. */
public enum Transport {
    /** Linux epoll, through Netty's native library. */
    EPOLL,
    /** The selectors of the JDK, for every machine without the native library. */
    NIO;

    /** The fastest transport that works on this machine. */
    public static Transport best() {
        return Epoll.isAvailable() ? EPOLL : NIO;
    }

    /** Why {@link #best} is not EPOLL, and what to do about it: a sentence, without its end. */
    public static String whyNoEpoll() {
        return "Netty's native epoll library cannot be loaded: " + SystemError.words(Epoll.unavailabilityCause())
                + "; where programs may not be run from the directory for temporary files, -Dio.netty.native.workdir=DIR in"
                + " CULVERT_OPTS names another";
    }

    /**
     * Starts event loops, one thread each; the caller shuts them down.
     *
     * @param threads 1 or more
     * @param name what the threads are called, in front of their number
     */
    public MultiThreadIoEventLoopGroup newEventLoops(int threads, String name) {
        return new MultiThreadIoEventLoopGroup(
                threads,
                new DefaultThreadFactory(name),
                switch (this) {
                    case EPOLL -> SteadyEpoll.newFactory();
                    case NIO -> NioIoHandler.newFactory();
                });
    }

    /**
     * Registers a channel that is on no event loop. From then on it hears of its peer's reset, also of one that has
     * come by then, even while it is not read: so {@code then} is run before that, on {@code loop}.
     */
    public static void register(EventLoop loop, Channel channel, ChannelFutureListener then) {
        loop.execute(() -> loop.register(channel).addListener(then));
    }

    /** The same for one that was accepted. Where it cannot be, it is closed, and {@code failed} is told why. */
    public static void register(EventLoop loop, Channel accepted, Runnable then, Consumer<String> failed) {
        register(loop, accepted, registered -> {
            if (registered.isSuccess()) {
                then.run();
            } else {
                accepted.unsafe().closeForcibly();
                failed.accept("cannot register the socket: " + registered.cause());
            }
        });
    }

    /** A TCP socket that listens already; throws ChannelException when that cannot be. */
    public ServerSocketChannel adoptServerSocket(int descriptor) {
        return switch (this) {
            case EPOLL -> new EpollServerSocketChannel(descriptor);
            case NIO -> throw needsEpoll();
        };
    }

    /** A unix socket that listens already, the same. */
    public ServerChannel adoptDomainServer(int descriptor) {
        return switch (this) {
            case EPOLL -> new EpollServerDomainSocketChannel(descriptor);
            case NIO -> throw needsEpoll();
        };
    }

    /** A listening TCP socket, as a class for bootstraps. */
    public Class<? extends ServerSocketChannel> serverChannel() {
        return this == EPOLL ? EpollServerSocketChannel.class : NioServerSocketChannel.class;
    }

    /** A listening unix socket, the same. */
    public Class<? extends ServerChannel> domainServerChannel() {
        return this == EPOLL ? EpollServerDomainSocketChannel.class : NioServerDomainSocketChannel.class;
    }

    /**
     * A unix socket that will connect; throws ChannelException when that cannot be, as with NIO, whose unix sockets do
     * not know half-close.
     */
    DuplexChannel newDomainSocket() {
        return switch (this) {
            case EPOLL -> new EpollDomainSocketChannel();
            case NIO -> throw needsEpoll();
        };
    }

    /** A unix socket that will listen, the same. */
    ServerChannel newDomainServerSocket() {
        return switch (this) {
            case EPOLL -> new EpollServerDomainSocketChannel();
            case NIO -> throw needsEpoll();
        };
    }

    private static ChannelException needsEpoll() {
        return new ChannelException("this needs the native epoll library");
    }

    /** The address of a unix socket as its channels want it. */
    public SocketAddress domainAddress(Path path) {
        return this == EPOLL ? new DomainSocketAddress(path.toString()) : UnixDomainSocketAddress.of(path);
    }

    /**
     * An outgoing TCP socket of the family of what it will connect to; throws ChannelException when there is no file
     * descriptor left.
     */
    SocketChannel newSocket(InetSocketAddress to) {
        return switch (this) {
            case EPOLL -> new EpollSocketChannel(family(to));
            case NIO -> new NioSocketChannel(SelectorProvider.provider(), family(to));
        };
    }

    /** A TCP socket that will listen on an address; throws ChannelException when there is no file descriptor left. */
    ServerSocketChannel newServerSocket(InetSocketAddress on) {
        return switch (this) {
            case EPOLL -> new EpollServerSocketChannel(family(on));
            case NIO -> new NioServerSocketChannel(SelectorProvider.provider(), family(on));
        };
    }

    /**
     * A UDP socket for an address to listen on or to connect to; throws ChannelException when there is no file
     * descriptor left.
     */
    public DatagramChannel newDatagramSocket(InetSocketAddress address) {
        return switch (this) {
            case EPOLL -> new EpollDatagramChannel(family(address));
            case NIO -> new NioDatagramChannel(SelectorProvider.provider(), family(address));
        };
    }

    /** A UDP socket that is bound already; throws ChannelException when that cannot be. */
    public DatagramChannel adoptDatagramSocket(int descriptor) {
        return switch (this) {
            case EPOLL -> new EpollDatagramChannel(descriptor);
            case NIO -> throw needsEpoll();
        };
    }

    /**
     * A socket of IPv6 can do both, but IPv4 by a detour: more calls for the kernel to set it up, and foreign addresses
     * in `ss`.
     */
    private static SocketProtocolFamily family(InetSocketAddress address) {
        return address.getAddress() instanceof Inet4Address ? SocketProtocolFamily.INET : SocketProtocolFamily.INET6;
    }

    /**
     * Makes outgoing TCP sockets for addresses of either family; throws ChannelException when there is no file
     * descriptor left.
     */
    public ChannelFactory<? extends SocketChannel> sockets() {
        return switch (this) {
            case EPOLL -> EpollSocketChannel::new;
            case NIO -> NioSocketChannel::new;
        };
    }

    /** Makes UDP sockets; throws ChannelException when there is no file descriptor left. */
    public ChannelFactory<? extends DatagramChannel> datagrams() {
        return switch (this) {
            case EPOLL -> EpollDatagramChannel::new;
            case NIO -> NioDatagramChannel::new;
        };
    }
}
