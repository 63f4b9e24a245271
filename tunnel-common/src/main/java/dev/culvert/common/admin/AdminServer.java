package dev.culvert.common.admin;

import dev.culvert.common.net.BoundFile;
import dev.culvert.common.net.ListeningSocket;
import dev.culvert.common.net.SocketFile;
import dev.culvert.common.net.Transport;
import dev.culvert.common.splice.Hold;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.SystemError;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFactory;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.unix.UnixChannel;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.timeout.ReadTimeoutHandler;
import io.netty.handler.timeout.WriteTimeoutHandler;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves the {@link Backend} over HTTP. Whoever may write to the unix socket (mode 0660) may do everything; on TCP,
 * where anybody on this machine could come, one can only look.
 */
public final class AdminServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(AdminServer.class);
    /** What its sockets are for, among those of an agent. */
    private static final String PLACE = "admin";

    private static final int MOST_BODY = 8 << 10;
    private static final int MOST_READ = 8 << 10;
    /** For a whole request to come, and for its answer to be taken; not for what is asked for. */
    static final int PATIENCE_SECONDS = 30;

    private static final Duration LAST_WORDS = Duration.ofSeconds(2);

    private final Transport transport;
    private final EventLoopGroup loop;
    private final Backend backend;
    private final Duration lastWords;
    /** By their addresses, as the configuration writes them. */
    private final Map<String, Channel> channels = new ConcurrentHashMap<>();
    /** Those of unix sockets, by the same addresses. */
    private final Map<String, BoundFile> files = new ConcurrentHashMap<>();

    /** @param loop one event loop of the transport */
    public AdminServer(Transport transport, EventLoopGroup loop, Backend backend) {
        this(transport, loop, backend, LAST_WORDS);
    }

    /** @param lastWords how long the end waits for a loop that is busy */
    AdminServer(Transport transport, EventLoopGroup loop, Backend backend, Duration lastWords) {
        this.transport = transport;
        this.loop = loop;
        this.backend = backend;
        this.lastWords = lastWords;
    }

    /**
     * Listens, and answers nobody yet. Blocks: for start-up.
     *
     * @param addresses absolute paths, and HOST:PORT on loopback
     * @param passed sockets of such an endpoint, which listen already
     * @throws IOException with a sentence for the user
     */
    public void listen(List<String> addresses, List<ListeningSocket> passed) throws IOException, InterruptedException {
        for (ListeningSocket socket : passed) {
            if (addresses.contains(socket.address())) {
                adopt(socket);
            } else {
                socket.close();
            }
        }
        for (String address : addresses) {
            if (!channels.containsKey(address)) {
                listen(address);
            }
        }
        channels.forEach((address, channel) -> LOG.info(
                "admin: listening on {}",
                channel.localAddress() instanceof InetSocketAddress tcp ? HostPort.of(tcp) : address));
    }

    private void listen(String address) throws IOException, InterruptedException {
        if (address.startsWith("/")) {
            listenAt(Path.of(address));
        } else {
            HostPort tcp = HostPort.parse(address);
            bind(new InetSocketAddress(tcp.host(), tcp.port()), transport.serverChannel(), address, Access.LOOK);
        }
    }

    private void adopt(ListeningSocket socket) throws IOException, InterruptedException {
        boolean unix = socket.address().startsWith("/");
        var registered = bootstrap(unix ? Access.ACT : Access.LOOK)
                .channelFactory((ChannelFactory<ServerChannel>) () -> unix
                        ? transport.adoptDomainServer(socket.descriptor())
                        : transport.adoptServerSocket(socket.descriptor()))
                .register()
                .await();
        add(socket.address(), registered, "admin: cannot use the socket that was passed for %s: %s");
        if (unix) {
            files.put(socket.address(), new BoundFile(Path.of(socket.address()), false));
        }
    }

    /** Whether a socket is from such an endpoint, and not from the agent beside it. */
    static boolean isFrom(ListeningSocket socket) {
        return socket.place().equals(PLACE);
    }

    /** Answers from now on. */
    public void begin() {
        files.values().forEach(BoundFile::take);
        channels.values().forEach(channel -> channel.config().setAutoRead(true));
    }

    /** What it listens on, for another process. Epoll only. */
    List<ListeningSocket> sockets() {
        return channels.entrySet().stream()
                .filter(one -> isFound(one.getKey())) // nobody would come
                .map(one -> new ListeningSocket(
                        PLACE, one.getKey(), ((UnixChannel) one.getValue()).fd().intValue()))
                .toList();
    }

    /** The sockets are another process's now. Event loop only. */
    void leave() {
        channels.values().forEach(BoundFile::closeOnly);
        channels.clear();
        files.clear();
    }

    private boolean isFound(String address) {
        BoundFile file = files.get(address);
        return file == null || file.isThere();
    }

    private void listenAt(Path socket) throws IOException, InterruptedException {
        if (Files.exists(socket)) {
            if (!SocketFile.isSocket(socket)) {
                throw new IOException("admin: cannot listen on " + socket
                        + ", where there is a file that is no socket: remove it, or set admin.listen to another path");
            }
            if (SocketFile.isAnswered(socket)) {
                throw new IOException("admin: another agent listens on " + socket
                        + ": end it, or give this one a socket of its own with admin.listen");
            }
            Files.delete(socket); // of one that was killed
        }
        bind(transport.domainAddress(socket), transport.domainServerChannel(), socket.toString(), Access.ACT);
        files.put(socket.toString(), new BoundFile(socket, true));
        Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rw-rw----"));
    }

    private void bind(SocketAddress address, Class<? extends ServerChannel> type, String shown, Access access)
            throws IOException, InterruptedException {
        add(
                shown,
                bootstrap(access).channel(type).bind(address).await(),
                "admin: cannot listen on %s: %s. Set admin.listen to an address that is free, or to off.");
    }

    /** @param trouble what to say with the address and the cause, where it does not listen */
    private void add(String address, ChannelFuture listening, String trouble) throws IOException {
        if (!listening.isSuccess()) {
            throw new IOException(trouble.formatted(address, SystemError.words(listening.cause())));
        }
        channels.put(address, listening.channel());
    }

    private ServerBootstrap bootstrap(Access access) {
        return new ServerBootstrap()
                .group(loop)
                .option(ChannelOption.AUTO_READ, false)
                .childHandler(pipeline(access));
    }

    /** Of one listening socket. */
    ChannelHandler pipeline(Access access) {
        Places places = new Places(access.places);
        return new ChannelInitializer<>() {
            @Override
            protected void initChannel(Channel channel) {
                Hold.readAtMost(
                        channel, MOST_READ); // it may become a connection, which reads as much as its stream takes
                channel.pipeline()
                        .addLast(places)
                        .addLast(new WriteTimeoutHandler(PATIENCE_SECONDS))
                        .addLast(new HttpServerCodec())
                        .addLast(new HttpObjectAggregator(MOST_BODY, true)) // who is told that it is too much is closed
                        .addLast(new ReadTimeoutHandler(PATIENCE_SECONDS)) // here it hears of whole requests only
                        .addLast(new AdminHandler(backend, access, new HandOver(AdminServer.this, backend)));
            }
        };
    }

    /**
     * Those of one listening socket that may be open at a time, as long as they are for this server. Each has its own:
     * who may only look, as anybody on this machine, leaves some to those who may act. Event loop only.
     */
    @ChannelHandler.Sharable
    private static final class Places extends ChannelInboundHandlerAdapter {
        private final int all;
        private int taken;

        Places(int all) {
            this.all = all;
        }

        @Override
        public void handlerAdded(ChannelHandlerContext ctx) {
            taken++;
            if (taken > all) {
                ctx.close();
            }
        }

        @Override
        public void handlerRemoved(ChannelHandlerContext ctx) {
            taken--;
        }
    }

    /** What one may do who has come in by one of the doors. */
    enum Access {
        /** Few: the status of many connections is megabytes, which anybody may leave unread for a while. */
        LOOK(8),
        ACT(64);

        private final int places;

        Access(int places) {
            this.places = places;
        }
    }

    /** Stops listening and removes the sockets, when all that has been answered is said. Blocks. */
    @Override
    public void close() {
        loop.submit(this::end).awaitUninterruptibly(lastWords.toMillis());
    }

    private void end() {
        files.values().forEach(BoundFile::remove);
        channels.values().forEach(BoundFile::closeOnly);
    }
}
