package dev.culvert.common.net;

import dev.culvert.mux.HostPort;
import io.netty.channel.ChannelException;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.ServerSocketChannel;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.unix.UnixChannel;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.Pipe;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A listening TCP socket. It accepts no more than it may have open at once, and none while the process is out of file
 * descriptors: connections then wait in the kernel's backlog, and nothing is lost. The same holds until it is told to {@link #begin}.
 *
 * <p>Accepted channels are not registered with an event loop: whoever takes them knows which one it shall be.
 */
public final class Acceptor {
    private static final Logger LOG = LoggerFactory.getLogger(Acceptor.class);
    private static final int BACKLOG = 4096;
    private static final long RETRY_MILLIS = 500;
    /** Without a failure for so long, the trouble is over: as long as it lasts, a line of the log is enough. */
    private static final long CALM_MILLIS = 3_000;

    private final BiConsumer<Acceptor, SocketChannel> accepted;
    private final EventLoop loop;
    private final ServerSocketChannel channel;

    // On the event loop only.
    private String name;
    private int maxConnections;
    private int open;
    private boolean begun;
    private boolean full;
    private boolean pausing;
    private int failures;
    private boolean troubled;

    /**
     * Listens, and accepts nothing yet. Blocks: for start-up, not for event loops.
     *
     * @param loop the event loop that accepts
     * @param name for the log
     * @param address port 0: one that is free
     * @param maxConnections how many may be open at once: accepted, and not yet {@link #release released}
     * @param accepted takes each channel, on {@code loop}: not registered, not read, TCP_NODELAY and SO_KEEPALIVE set
     * @throws IOException with a sentence for the user
     */
    public static Acceptor listen(
            Transport transport,
            EventLoop loop,
            String name,
            HostPort address,
            int maxConnections,
            BiConsumer<Acceptor, SocketChannel> accepted)
            throws IOException, InterruptedException {
        InetSocketAddress resolved = new InetSocketAddress(address.host(), address.port());
        if (resolved.isUnresolved()) {
            throw new IOException(name + ": cannot listen on " + address + ": the name does not resolve");
        }
        ServerSocketChannel channel;
        try {
            channel = transport.newServerSocket(resolved);
        } catch (ChannelException e) {
            Throwable cause = Objects.requireNonNullElse(e.getCause(), e);
            throw new IOException(name + ": cannot listen on " + address + ": " + cause.getMessage(), e);
        }
        channel.config().setOption(ChannelOption.SO_REUSEADDR, true);
        channel.config().setOption(ChannelOption.SO_BACKLOG, BACKLOG);
        Loopback.fit(channel, resolved);
        Acceptor acceptor = new Acceptor(loop, name, maxConnections, accepted, channel);
        loop.register(channel).await();
        var bound = channel.bind(resolved).await();
        if (!bound.isSuccess()) {
            channel.close();
            String cause = String.valueOf(bound.cause().getMessage());
            throw new IOException(name + ": cannot listen on " + address + ": " + cause + ". " + advice(cause));
        }
        return acceptor;
    }

    /**
     * Takes a socket that is bound and listens already; else as {@link #listen}.
     *
     * @param descriptor of the socket, which from now on belongs to the acceptor
     */
    public static Acceptor adopt(
            Transport transport,
            EventLoop loop,
            String name,
            int descriptor,
            int maxConnections,
            BiConsumer<Acceptor, SocketChannel> accepted)
            throws IOException, InterruptedException {
        try {
            ServerSocketChannel channel = transport.adoptServerSocket(descriptor);
            Acceptor acceptor = new Acceptor(loop, name, maxConnections, accepted, channel);
            var registered = loop.register(channel).await();
            if (!registered.isSuccess() || channel.localAddress() == null) {
                throw new IOException(name + ": cannot accept from the socket that was passed: "
                        + (registered.cause() == null ? "it is no TCP socket" : registered.cause()));
            }
            return acceptor;
        } catch (ChannelException e) {
            throw new IOException(name + ": cannot take the socket that was passed: " + e.getMessage(), e);
        }
    }

    private static String advice(String cause) {
        if (cause.contains("assign requested address")) {
            return "This machine has no such address; `ip address` names those it has.";
        } else if (cause.contains("Permission denied")) {
            return "A port below 1024 takes root or CAP_NET_BIND_SERVICE.";
        }
        return "If another program has the port, `ss -ltnp` names it.";
    }

    private Acceptor(
            EventLoop loop,
            String name,
            int maxConnections,
            BiConsumer<Acceptor, SocketChannel> accepted,
            ServerSocketChannel channel) {
        this.loop = loop;
        this.name = name;
        this.maxConnections = maxConnections;
        this.accepted = accepted;
        this.channel = channel;
        channel.config().setAutoRead(false);
        channel.pipeline().addLast(new Accepting());
    }

    /** Where it listens, with the port that was picked. */
    public HostPort address() {
        return HostPort.of(channel.localAddress());
    }

    /** The file descriptor of the socket, for another process. Epoll only. */
    int descriptor() {
        return ((UnixChannel) channel).fd().intValue();
    }

    /** Accepts from now on. Any thread. */
    public void begin() {
        loop.execute(() -> {
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
     * @return done when nothing is accepted any more
     */
    public Future<?> close() {
        return channel.close();
    }

    /** Accepts or pauses, as room and descriptors allow. */
    private void adjust() {
        if (open >= maxConnections && !full) {
            LOG.warn("{}: {} connections are open, the most it may have: more wait until one ends", name, open);
        }
        full = open >= maxConnections;
        channel.config().setAutoRead(begun && !full && !pausing);
    }

    private final class Accepting extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            SocketChannel child = (SocketChannel) message;
            open++;
            adjust();
            if (troubled && !hasDescriptorsToSpare()) {
                rest();
            }
            child.config().setKeepAlive(true).setAutoRead(false); // which has set TCP_NODELAY
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
