package dev.culvert.common.net;

import dev.culvert.mux.Address;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.SystemError;
import dev.culvert.mux.UnixPath;
import io.netty.channel.ChannelConfig;
import io.netty.channel.ChannelException;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.ServerChannel;
import io.netty.channel.socket.DuplexChannel;
import io.netty.channel.socket.ServerSocketChannel;
import io.netty.channel.socket.SocketChannelConfig;
import io.netty.channel.unix.UnixChannel;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.channels.Pipe;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A listening socket, of TCP or a unix socket. It accepts no more than it may have open at once, and none while the
 * process is out of file descriptors: connections then wait in the kernel's backlog, and nothing is lost. The same
 * holds until it is told to {@link #begin}.
 *
 * <p>Accepted channels are not registered with an event loop: whoever takes them knows which one it shall be.
 */
public final class Acceptor {
    private static final Logger LOG = LoggerFactory.getLogger(Acceptor.class);
    private static final int BACKLOG = 4096;
    private static final long RETRY_MILLIS = 500;
    /** Without a failure for so long, the trouble is over: as long as it lasts, a line of the log is enough. */
    private static final long CALM_MILLIS = 3_000;

    private final BiConsumer<Acceptor, DuplexChannel> accepted;
    private final EventLoop loop;
    private final ServerChannel channel;
    /** As it was asked for: a unix socket's own address says less. */
    private final Address asked;
    /** Of a unix socket, but not of systemd's; null: there is none. */
    private volatile @Nullable BoundFile file;

    // On the event loop only.
    private String name;
    private int maxConnections;
    private int open;
    private boolean begun;
    private boolean full;
    /** When it was last full; null: never. */
    private @Nullable Long fullAt;

    private boolean pausing;
    private int failures;
    private boolean troubled;

    /**
     * Listens, and accepts nothing yet. Blocks: for start-up, not for event loops.
     *
     * @param loop the event loop that accepts
     * @param name for the log
     * @param address port 0: one that is free
     * @param file what becomes of the file of a unix socket
     * @param maxConnections how many may be open at once: accepted, and not yet {@link #release released}
     * @param accepted takes each channel, on {@code loop}: not registered, not read, TCP_NODELAY and SO_KEEPALIVE set
     * @throws IOException with a sentence for the user
     */
    public static Acceptor listen(
            Transport transport,
            EventLoop loop,
            String name,
            Address address,
            SocketFile file,
            int maxConnections,
            BiConsumer<Acceptor, DuplexChannel> accepted)
            throws IOException, InterruptedException {
        Acceptor acceptor;
        try {
            if (address instanceof UnixPath path) {
                acceptor = new Acceptor(loop, name, maxConnections, accepted, transport.newDomainServerSocket(), path);
                acceptor.bind(path, file);
            } else {
                InetSocketAddress resolved = resolve((HostPort) address);
                ServerSocketChannel channel = transport.newServerSocket(resolved);
                channel.config().setOption(ChannelOption.SO_REUSEADDR, true);
                Loopback.fit(channel, resolved);
                acceptor = new Acceptor(loop, name, maxConnections, accepted, channel, address);
                acceptor.bind(resolved);
            }
        } catch (IOException | ChannelException e) {
            Throwable cause = e instanceof ChannelException ? Objects.requireNonNullElse(e.getCause(), e) : e;
            throw new IOException(name + ": cannot listen on " + address + ": " + SystemError.words(cause), e);
        }
        return acceptor;
    }

    private static InetSocketAddress resolve(HostPort address) throws IOException {
        InetSocketAddress resolved = new InetSocketAddress(address.host(), address.port());
        if (resolved.isUnresolved()) {
            throw new IOException("the name does not resolve");
        }
        if (resolved.getAddress() instanceof Inet6Address six && six.isLinkLocalAddress() && six.getScopeId() == 0) {
            throw new IOException("a link-local address takes the name of its interface, as in [fe80::1%wlan0]:8080");
        }
        return resolved;
    }

    private void bind(UnixPath path, SocketFile file) throws IOException, InterruptedException {
        SocketFile.makeRoom(path);
        bind(UnixDial.address(path));
        this.file = fileOf(path, true);
        try {
            file.apply(path);
        } catch (IOException e) {
            close(false).await();
            throw e;
        }
    }

    private static @Nullable BoundFile fileOf(UnixPath path, boolean ours) {
        return path.isAbstract() ? null : new BoundFile(Path.of(path.path()), ours);
    }

    private void bind(SocketAddress address) throws IOException, InterruptedException {
        channel.config().setOption(ChannelOption.SO_BACKLOG, BACKLOG);
        loop.register(channel).await();
        var bound = channel.bind(address).await();
        if (!bound.isSuccess()) {
            channel.close();
            String cause = SystemError.words(bound.cause());
            throw new IOException(cause + ". " + advice(cause, "ss -ltnp"), bound.cause());
        }
    }

    /**
     * Takes a socket that is bound and listens already; else as {@link #listen}.
     *
     * @param address that it is meant to be on, which says of what kind it is
     * @param socket which from now on belongs to the acceptor
     */
    public static Acceptor adopt(
            Transport transport,
            EventLoop loop,
            String name,
            Address address,
            ListeningSocket socket,
            int maxConnections,
            BiConsumer<Acceptor, DuplexChannel> accepted)
            throws IOException, InterruptedException {
        try {
            boolean unix = address instanceof UnixPath;
            ServerChannel channel = unix
                    ? transport.adoptDomainServer(socket.descriptor())
                    : transport.adoptServerSocket(socket.descriptor());
            Acceptor acceptor = new Acceptor(loop, name, maxConnections, accepted, channel, address);
            if (address instanceof UnixPath path && !socket.isSystemds()) {
                acceptor.file = fileOf(path, false);
            }
            var registered = loop.register(channel).await();
            if (!registered.isSuccess() || (!unix && channel.localAddress() == null)) {
                throw new IOException(name + ": cannot accept from the socket that was passed: "
                        + (registered.cause() == null ? "it is no TCP socket" : registered.cause()));
            }
            return acceptor;
        } catch (ChannelException e) {
            throw new IOException(name + ": cannot take the socket that was passed: " + e.getMessage(), e);
        }
    }

    /**
     * What to do about an address that cannot be listened on.
     *
     * @param cause what the system says
     * @param lister the command that names who listens where
     */
    public static String advice(String cause, String lister) {
        if (cause.contains("assign requested address")) {
            return "This machine has no such address; `ip address` names those it has. Where it comes late, as that of a VPN does,"
                    + " start after it (After= in the unit), or listen on 0.0.0.0.";
        } else if (cause.contains("Permission denied")) {
            return "A port below 1024 takes root or CAP_NET_BIND_SERVICE.";
        }
        return cause.contains("No such file")
                ? "The directory has to be there."
                : "If another program has the port, `" + lister + "` names it.";
    }

    private Acceptor(
            EventLoop loop,
            String name,
            int maxConnections,
            BiConsumer<Acceptor, DuplexChannel> accepted,
            ServerChannel channel,
            Address asked) {
        this.loop = loop;
        this.name = name;
        this.maxConnections = maxConnections;
        this.accepted = accepted;
        this.channel = channel;
        this.asked = asked;
        channel.config().setAutoRead(false);
        channel.pipeline().addLast(new Accepting());
    }

    /** Where it listens, with the port that was picked. */
    public Address address() {
        return channel.localAddress() instanceof InetSocketAddress tcp ? HostPort.of(tcp) : asked;
    }

    /** Whether who connects to its address comes to it: the file of a unix socket may have gone. Any thread. */
    boolean isFound() {
        BoundFile own = file;
        return own == null || own.isThere();
    }

    /** The file descriptor of the socket, for another process. Epoll only. */
    int descriptor() {
        return ((UnixChannel) channel).fd().intValue();
    }

    /** Accepts from now on. Any thread. */
    public void begin() {
        loop.execute(() -> {
            if (file != null) {
                file.take();
            }
            begun = true;
            adjust();
        });
    }

    /** One of the accepted connections has ended; there is room for another. Any thread. */
    public void release() {
        loop.execute(() -> {
            open--;
            adjust();
        });
    }

    /** From now on it has another name, and so many may be open at once; those that are stay. Any thread. */
    void become(String newName, int connections) {
        loop.execute(() -> {
            name = newName;
            maxConnections = connections;
            adjust();
        });
    }

    /**
     * Stops listening; accepted connections go on. Any thread.
     *
     * @param handedOver another process listens by the same socket: the file of a unix socket is its file now
     * @return done when nothing is accepted any more
     */
    Future<?> close(boolean handedOver) {
        if (!(asked instanceof UnixPath)) {
            return channel.close();
        }
        BoundFile own = file;
        if (own != null && !handedOver) {
            own.remove();
        }
        return BoundFile.closeOnly(channel);
    }

    /** Accepts or pauses, as room and descriptors allow. */
    private void adjust() {
        full = open >= maxConnections;
        if (full) {
            long now = loop.ticker().nanoTime();
            // Once: each connection that ends makes room for one, and for a line.
            if (fullAt == null || now - fullAt > TimeUnit.MILLISECONDS.toNanos(CALM_MILLIS)) {
                LOG.warn("{}: {} connections are open, the most it may have: more wait until one ends", name, open);
            }
            fullAt = now;
        }
        channel.config().setAutoRead(begun && !full && !pausing);
    }

    private final class Accepting extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            DuplexChannel child = (DuplexChannel) message;
            open++;
            adjust();
            if (troubled && !hasDescriptorsToSpare()) {
                rest();
            }
            ChannelConfig config = child.config();
            config.setAutoRead(false);
            if (config instanceof SocketChannelConfig tcp) {
                tcp.setKeepAlive(true); // which has set TCP_NODELAY
            }
            accepted.accept(Acceptor.this, child);
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            if (!troubled) {
                LOG.warn(
                        "{}: cannot accept, trying again every {} ms: {}",
                        name,
                        RETRY_MILLIS,
                        Symptom.of(cause) == Symptom.NO_DESCRIPTOR
                                ? "no file descriptor is left; raise LimitNOFILE or `ulimit -n`"
                                : cause.toString());
            }
            troubled = true;
            rest();
        }

        private void rest() {
            pausing = true;
            adjust();
            int failure = ++failures;
            loop.schedule(this::goOn, RETRY_MILLIS, TimeUnit.MILLISECONDS);
            loop.schedule(() -> calmDown(failure), CALM_MILLIS, TimeUnit.MILLISECONDS);
        }

        private void goOn() {
            if (hasDescriptorsToSpare()) {
                pausing = false;
                adjust();
            } else {
                rest();
            }
        }

        /** One to accept, and one that is left for the session, which needs it when its link is lost. */
        private boolean hasDescriptorsToSpare() {
            try {
                Pipe pipe = Pipe.open();
                pipe.source().close();
                pipe.sink().close();
                return true;
            } catch (IOException e) {
                return false;
            }
        }

        private void calmDown(int failure) {
            if (failure == failures) {
                troubled = false;
                LOG.info("{}: accepting again", name);
            }
        }
    }
}
