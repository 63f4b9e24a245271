package dev.culvert.client;

import dev.culvert.common.config.BadConfig;
import dev.culvert.common.lifecycle.Agent;
import dev.culvert.common.lifecycle.AgentCommand;
import dev.culvert.common.lifecycle.LogSetup;
import dev.culvert.common.lifecycle.Sessions;
import dev.culvert.common.lifecycle.Speed;
import dev.culvert.common.lifecycle.StartFailure;
import dev.culvert.common.net.Acceptor;
import dev.culvert.common.net.Dialer;
import dev.culvert.common.net.SessionSocket;
import dev.culvert.common.net.Transport;
import dev.culvert.common.splice.Connection;
import dev.culvert.common.splice.Connections;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.MuxSettings;
import dev.culvert.mux.OpenRequest;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.socket.SocketChannel;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Ticker;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The client agent: listens locally, and carries every connection as a stream to a server. */
public final class TunnelClient implements Agent {
    private static final Logger LOG = LoggerFactory.getLogger(TunnelClient.class);

    /** As it was last read; of a newer one what {@link ClientConfig#changedTo} takes counts, the rest after a restart. */
    private ClientConfig config;
    /** Of the files of TLS that are in use. */
    private String content;

    private final Duration sessionWait;
    private final Ticker ticker = Ticker.systemTicker();
    private final Transport transport = Transport.best();
    /** Each carries a session. One accepts, too: with a single session no connection changes its thread. */
    private final EventLoopGroup loops;

    private final EventLoop accepting;
    private final Connections connections = new Connections(ticker);
    private final Sessions sessions = new Sessions(connections, ticker);
    private final Listeners listeners;
    private final List<Uplink> uplinks = new ArrayList<>();
    private final Uplinks router;

    TunnelClient(ClientConfig config) throws StartFailure {
        this.config = config;
        content = content(config).orElse("");
        sessionWait = config.upstream().sessionWait();
        int count = config.upstream().sessions();
        loops = transport.newEventLoops(Math.min(count, Runtime.getRuntime().availableProcessors()), "client");
        accepting = loops.next();
        listeners = new Listeners(transport, accepting, this::arrive);
        router = new Uplinks(accepting, ticker, uplinks);
        Dialer dialer = new Dialer(transport, config.upstream().connectTimeout());
        MuxSettings settings = config.muxSettings("culvert " + AgentCommand.version());
        List<Server> servers;
        try {
            servers = servers(config.upstream());
        } catch (IOException e) {
            throw new StartFailure(String.valueOf(e.getMessage()));
        }
        for (int i = 1; i <= count; i++) {
            UpstreamConfig.Backoff pauses = config.upstream().backoff();
            uplinks.add(new Uplink(
                    count == 1 ? "uplink" : "uplink " + i,
                    loops.next(),
                    dialer,
                    servers,
                    new SessionSocket(config.upstream().userTimeout()),
                    settings,
                    new Backoff(pauses.min(), pauses.max(), new Random()),
                    sessions,
                    router::serveWaiting));
        }
    }

    private static List<Server> servers(UpstreamConfig config) throws IOException {
        List<Server> servers = new ArrayList<>();
        for (HostPort address : config.servers()) {
            servers.add(Server.of(address, config.tls(), config.connectTimeout()));
        }
        return servers;
    }

    private static Optional<String> content(ClientConfig config) {
        return config.upstream().tls().flatMap(tls -> tls.files().content());
    }

    @Override
    public void reload(Path file) throws BadConfig, StartFailure, InterruptedException {
        ClientConfig next = ClientConfig.read(file);
        boolean sameKind =
                next.upstream().tls().isPresent() == config.upstream().tls().isPresent();
        if (sameKind && next.upstream().protocol() == config.upstream().protocol()) {
            try {
                listeners.set(next.forwards());
            } catch (IOException e) {
                throw new StartFailure(String.valueOf(e.getMessage()));
            }
            boolean newKeys = !next.upstream().tls().equals(config.upstream().tls());
            config = config.changedTo(next);
            LogSetup.apply(config.log());
            if (newKeys) {
                takeOver();
            } else {
                refresh();
            }
        }
        if (!next.equals(config)) {
            LOG.warn("only forwards, upstream.tls and log are taken over; the rest takes a restart");
        }
    }

    @Override
    public void refresh() {
        Optional<String> now = content(config);
        if (now.isPresent() && !now.get().equals(content)) {
            LOG.info("the files of upstream.tls have changed");
            takeOver();
        }
    }

    /** New sessions are begun with the new keys; the old ones end when their last connection has. */
    private void takeOver() {
        content = content(config).orElse("");
        try {
            List<Server> servers = servers(config.upstream());
            uplinks.forEach(uplink -> uplink.use(servers));
        } catch (IOException e) {
            LOG.error("the files of upstream.tls can not be used, those from before stay: {}", e.getMessage());
        }
    }

    @Override
    public void start() throws StartFailure, InterruptedException {
        try {
            listeners.set(config.forwards());
        } catch (IOException e) {
            throw new StartFailure(String.valueOf(e.getMessage()));
        }
        uplinks.forEach(Uplink::start);
    }

    private void arrive(ForwardConfig forward, Acceptor acceptor, SocketChannel channel) {
        if (channel.remoteAddress() == null) { // gone already
            channel.unsafe().closeForcibly();
            acceptor.release();
            return;
        }
        channel.config().setAllowHalfClosure(true);
        HostPort source = HostPort.of(channel.remoteAddress());
        HostPort target = forward.target().orElse(null);
        OpenRequest request = new OpenRequest(target, source, connections.newId(), forward.name());
        Connection connection = connections.add(
                request.connectionId(),
                forward.name(),
                "",
                source.toString(),
                target == null ? "the server's" : target.toString());
        connection.onEnd(acceptor::release);
        long deadline = ticker.nanoTime() + sessionWait.toNanos();
        router.assign(new Arrival(channel, connection, request, deadline));
    }

    @Override
    public Future<?> drain() {
        listeners.close();
        accepting.execute(router::drain);
        uplinks.forEach(Uplink::drain);
        return sessions.drain();
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
    public List<String> troubles() {
        return uplinks.stream().anyMatch(Uplink::isReady)
                ? List.of()
                : List.of("no session to a server: the log says what keeps it from one");
    }

    @Override
    public CompletableFuture<Speed> measure() {
        return uplinks.stream()
                .filter(Uplink::isReady)
                .findFirst()
                .map(Uplink::measure)
                .orElseGet(Agent.super::measure);
    }

    @Override
    public EventLoopGroup loops() {
        return loops;
    }

    @Override
    public String status() {
        long up = uplinks.stream().filter(Uplink::isReady).count();
        return up + " of " + uplinks.size() + " sessions up, " + connections.size() + " connections";
    }

    @Override
    public void close() {
        listeners.close();
        loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly(2, TimeUnit.SECONDS);
    }
}
