package dev.culvert.server;

import dev.culvert.common.lifecycle.Agent;
import dev.culvert.common.lifecycle.AgentCommand;
import dev.culvert.common.lifecycle.Sessions;
import dev.culvert.common.lifecycle.StartFailure;
import dev.culvert.common.net.Acceptor;
import dev.culvert.common.net.Dialer;
import dev.culvert.common.net.TcpOption;
import dev.culvert.common.net.Transport;
import dev.culvert.common.splice.Connections;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.MuxConnection;
import dev.culvert.mux.MuxSession;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.socket.SocketChannel;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Ticker;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The server agent: accepts sessions, dials the target of every stream, and joins the two. */
public final class TunnelServer implements Agent {
    private static final Logger LOG = LoggerFactory.getLogger(TunnelServer.class);

    private final ServerConfig config;
    private final Transport transport = Transport.best();
    private final EventLoopGroup accepting = transport.newEventLoops(1, "accept");
    /** Each session, with all its connections, lives on one of these. */
    private final EventLoopGroup loops =
            transport.newEventLoops(Runtime.getRuntime().availableProcessors(), "server");

    private final Connections connections = new Connections(Ticker.systemTicker());
    private final Sessions sessions = new Sessions(connections);
    private final Dialer dialer;
    private final List<Endpoint> endpoints;
    private final List<Acceptor> acceptors = new ArrayList<>();
    private final Map<String, HostPort> listening = new LinkedHashMap<>();

    TunnelServer(ServerConfig config) {
        this.config = config;
        dialer = new Dialer(transport, config.dialTimeout());
        endpoints = config.endpoints("culvert " + AgentCommand.version());
    }

    @Override
    public void start() throws StartFailure, InterruptedException {
        for (Endpoint endpoint : endpoints) {
            Acceptor acceptor = new Acceptor(
                    transport,
                    accepting.next(),
                    endpoint.name(),
                    config.limits().sessions(),
                    (from, channel) -> begin(endpoint, from, channel));
            acceptors.add(acceptor);
            try {
                listening.put(endpoint.name(), acceptor.bind(endpoint.listen()));
            } catch (IOException e) {
                throw new StartFailure(String.valueOf(e.getMessage()));
            }
            LOG.info("{}: listening on {}", endpoint.name(), listening(endpoint.name()));
        }
    }

    /** Where an endpoint listens. */
    HostPort listening(String endpoint) {
        return Objects.requireNonNull(listening.get(endpoint));
    }

    private void begin(Endpoint endpoint, Acceptor acceptor, SocketChannel channel) {
        if (channel.remoteAddress() == null) { // gone already
            channel.unsafe().closeForcibly();
            acceptor.release();
            return;
        }
        HostPort peer = HostPort.of(channel.remoteAddress());
        EventLoop loop = loops.next();
        MuxSession session = new MuxSession(
                MuxSession.Role.SERVER,
                endpoint.settings(),
                new ServerSession(endpoint, peer, loop, dialer, connections, sessions, acceptor::release));
        TcpOption.USER_TIMEOUT.set(channel, Math.toIntExact(config.userTimeout().toMillis()));
        TcpOption.UNSENT_LOW_WATER.set(channel, MuxConnection.UNSENT_LOW_WATER);
        channel.pipeline().addLast(new MuxConnection(session));
        sessions.add(session, loop);
        loop.register(channel).addListener(registered -> {
            if (registered.isSuccess()) {
                channel.config().setAutoRead(true);
            } else {
                channel.unsafe().closeForcibly();
                session.close(ErrorCode.INTERNAL, "cannot register the socket: " + registered.cause());
            }
        });
    }

    @Override
    public Future<?> drain() {
        acceptors.forEach(Acceptor::close);
        return sessions.drain();
    }

    @Override
    public void cut(ErrorCode code, String reason) {
        connections.live().forEach(connection -> connection.cut(code, reason));
        sessions.cut(code, reason);
    }

    @Override
    public Connections connections() {
        return connections;
    }

    @Override
    public Sessions sessions() {
        return sessions;
    }

    @Override
    public String status() {
        return sessions.size() + " sessions, " + connections.size() + " connections";
    }

    @Override
    public void close() {
        acceptors.forEach(Acceptor::close);
        accepting.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS);
        loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS);
    }
}
