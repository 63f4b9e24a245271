package dev.culvert.common.admin;

import dev.culvert.common.net.Transport;
import dev.culvert.mux.HostPort;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.timeout.ReadTimeoutHandler;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves the {@link Backend} over HTTP. Whoever may write to the unix socket (mode 0660) may do everything; on TCP, where anybody
 * on this machine could come, one can only look.
 */
public final class AdminServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(AdminServer.class);
    private static final int MOST_CONNECTIONS = 64;
    private static final int MOST_BODY = 8 << 10;
    private static final int PATIENCE_SECONDS = 30;

    private final Transport transport;
    private final EventLoopGroup loop;
    private final Backend backend;
    private final List<Channel> channels = new ArrayList<>();
    private final List<Path> sockets = new ArrayList<>();
    private final AtomicInteger open = new AtomicInteger();

    /** @param loop one event loop of the transport */
    public AdminServer(Transport transport, EventLoopGroup loop, Backend backend) {
        this.transport = transport;
        this.loop = loop;
        this.backend = backend;
    }

    /**
     * Listens. Blocks: for start-up.
     *
     * @param address an absolute path, or HOST:PORT on loopback
     * @throws IOException with a sentence for the user
     */
    public void listen(String address) throws IOException, InterruptedException {
        if (address.startsWith("/")) {
            listenAt(Path.of(address));
        } else {
            HostPort tcp = HostPort.parse(address);
            Channel channel = bind(
                    new InetSocketAddress(tcp.host(), tcp.port()), transport.serverChannel(), address, Access.LOOK);
            LOG.info("admin: listening on {}", HostPort.of((InetSocketAddress) channel.localAddress()));
        }
    }

    private void listenAt(Path socket) throws IOException, InterruptedException {
        if (Files.exists(socket)) {
            if (isAnswered(socket)) {
                throw new IOException("admin: another agent listens on " + socket
                        + ": end it, or give this one a socket of its own with admin.listen");
            }
            Files.delete(socket); // of one that was killed
        }
        bind(transport.domainAddress(socket), transport.domainServerChannel(), socket.toString(), Access.ACT);
        sockets.add(socket);
        Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rw-rw----"));
        LOG.info("admin: listening on {}", socket);
    }

    private static boolean isAnswered(Path socket) {
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            return channel.connect(UnixDomainSocketAddress.of(socket));
        } catch (IOException e) {
            return false;
        }
    }

    private Channel bind(SocketAddress address, Class<? extends ServerChannel> type, String shown, Access access)
            throws IOException, InterruptedException {
        var bound = new ServerBootstrap()
                .group(loop)
                .channel(type)
                .childHandler(pipeline(access))
                .bind(address)
                .await();
        if (!bound.isSuccess()) {
            throw new IOException("admin: cannot listen on " + shown + ": "
                    + bound.cause().getMessage() + ". Set admin.listen to an address that is free, or to off.");
        }
        channels.add(bound.channel());
        return bound.channel();
    }

    private ChannelHandler pipeline(Access access) {
        return new ChannelInitializer<>() {
            @Override
            protected void initChannel(Channel channel) {
                if (open.incrementAndGet() > MOST_CONNECTIONS) {
                    channel.close();
                }
                channel.closeFuture().addListener(closed -> open.decrementAndGet());
                channel.pipeline()
                        .addLast(new ReadTimeoutHandler(PATIENCE_SECONDS))
                        .addLast(new HttpServerCodec())
                        .addLast(new HttpObjectAggregator(MOST_BODY))
                        .addLast(new AdminHandler(backend, access));
            }
        };
    }

    /** What one may do who has come in by one of the doors. */
    enum Access {
        LOOK,
        ACT
    }

    /** Stops listening and removes the sockets. */
    @Override
    public void close() {
        channels.forEach(Channel::close);
        for (Path socket : sockets) {
            try {
                Files.deleteIfExists(socket);
            } catch (IOException e) {
                LOG.warn("admin: cannot remove {}: {}", socket, e.toString());
            }
        }
    }
}
