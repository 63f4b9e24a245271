package dev.culvert.client;

import dev.culvert.common.lifecycle.AgentRun;
import dev.culvert.common.lifecycle.Findings;
import dev.culvert.common.lifecycle.SessionStatus;
import dev.culvert.common.lifecycle.Sessions;
import dev.culvert.common.lifecycle.Speed;
import dev.culvert.common.net.AllowRule;
import dev.culvert.common.net.DialFailure;
import dev.culvert.common.net.Dialer;
import dev.culvert.common.net.Origin;
import dev.culvert.common.net.Proxy;
import dev.culvert.common.net.SessionPipeline;
import dev.culvert.common.net.SessionSocket;
import dev.culvert.common.net.Transport;
import dev.culvert.common.splice.Connections;
import dev.culvert.common.tls.Fingerprint;
import dev.culvert.common.tls.WebTls;
import dev.culvert.mux.Address;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.MuxSettings;
import dev.culvert.mux.MuxStream;
import dev.culvert.mux.OpenRequest;
import dev.culvert.mux.SessionListener;
import dev.culvert.mux.StreamListener;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Ticker;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;

/**
 * The way to the servers and to the targets behind them, looked at step by step for {@code doctor}: with a session of its own to each
 * server, made as the agent makes it. Blocks.
 */
final class Checkup implements AutoCloseable {
    /** The logs of two machines can still be compared, and certificates are good for longer. */
    private static final Duration CLOCKS = Duration.ofSeconds(30);

    /** For what has no deadline of its own here. A server may take {@code dial.timeout} for a target, 10 s if it is not set. */
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private static final String SERVER_KNOWS = "The server's log says more, with the same reason.";

    /** What a target may take to end a connection that has said nothing, before that is reset. */
    private static final Duration FAREWELL = Duration.ofSeconds(1);

    private final ClientConfig config;
    private final Findings findings;
    private final EventLoopGroup loops;
    private final EventLoop loop;
    private final Dialer dialer;
    private final SessionSocket socket;
    private final Connections connections = new Connections(Ticker.systemTicker());
    private final Sessions sessions = new Sessions(connections, Ticker.systemTicker());

    /** A step came to nothing. */
    static final class Fault extends Exception {
        private final ErrorCode code;

        Fault(ErrorCode code, String text) {
            super(text, null, false, false);
            this.code = code;
        }
    }

    Checkup(ClientConfig config, Findings findings) {
        this.config = config;
        this.findings = findings;
        Transport transport = Transport.best();
        loops = transport.newEventLoops(1, "doctor");
        loop = loops.next();
        dialer = new Dialer(transport, config.upstream().connectTimeout());
        socket = new SessionSocket(config.upstream().userTimeout());
    }

    @Override
    public void close() {
        loops.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }

    void run() throws InterruptedException {
        for (ReverseConfig reverse : config.reverse()) {
            look(reverse);
        }
        for (UpstreamConfig.Listed listed : config.upstream().servers()) {
            Server server;
            try {
                server = Server.of(listed, config.upstream());
            } catch (IOException e) {
                findings.fault("key", String.valueOf(e.getMessage()), "");
                return;
            }
            if (server.tls() != null) {
                boolean byAuthority = config.upstream()
                        .tls()
                        .flatMap(tls -> tls.files().caFile())
                        .isPresent();
                findings.checkIdentity(server.tls().own(), byAuthority);
            }
            if (resolves(server)) {
                check(server);
            }
        }
    }

    private boolean resolves(Server server) throws InterruptedException {
        HostPort address = server.dialled();
        try {
            List<InetSocketAddress> found = get(dialer.resolve(loop, address));
            findings.ok(
                    "name",
                    address.host() + " is "
                            + found.stream()
                                    .map(one -> HostPort.of(one).host())
                                    .distinct()
                                    .collect(Collectors.joining(", ")));
            return true;
        } catch (Fault e) {
            findings.fault(
                    "name",
                    String.valueOf(e.getMessage()),
                    "Correct " + server.proxy().map(Proxy::origin).orElse("upstream.servers")
                            + ", or look at the name servers in /etc/resolv.conf: `getent hosts " + address.host()
                            + "` asks them, too.");
            return false;
        }
    }

    private void check(Server server) throws InterruptedException {
        CompletableFuture<MuxSession> up = new CompletableFuture<>();
        long begunAt = System.nanoTime();
        Future<Channel> reached = server.reach(dialer, loop);
        reached.addListener(done -> {
            if (done.isSuccess()) {
                findings.ok("connection", server + " accepts, within " + millis(System.nanoTime() - begunAt));
                speak(server, reached.getNow(), up);
            }
        });
        Channel channel;
        try {
            channel = get(reached);
        } catch (Fault e) {
            findings.fault("connection", String.valueOf(e.getMessage()), connectionAdvice(server, e.code));
            return;
        }
        try {
            MuxSession session = get(up);
            findings.ok(
                    "session",
                    "up, " + session.version()
                            + (session.peerSoftware().isEmpty() ? "" : ", " + session.peerSoftware()));
            examine(session);
        } catch (Fault e) {
            findings.fault(
                    "session",
                    String.valueOf(e.getMessage()),
                    "On the server `tunnel-server check` prints its address and whom it knows, and `tunnel-server keygen` its key.");
        } finally {
            channel.close().await(PATIENCE.toMillis());
        }
    }

    private static String connectionAdvice(Server server, ErrorCode code) {
        if (server.proxy().isPresent()) {
            return "`curl -v --proxytunnel -x " + server.proxy().get()
                    + " telnet://HOST:PORT` shows what the proxy says to others.";
        } else if (server.web() != null) {
            return "`curl -v " + server.location().toString().replaceFirst("^ws", "http")
                    + "` shows what the web server says to others; \"not found\" alone is said by the tunnel server.";
        }
        return code == ErrorCode.CONNECTION_REFUSED
                ? "Nobody listens on that port: start tunnel-server there, or correct the port in upstream.servers; it is the one"
                        + " of `listen` in its server.conf."
                : "Look for a firewall on the way, and whether the machine is up: `ip route get`, `traceroute`, or `nc -vz` to the same"
                        + " address.";
    }

    // ---- the session

    /** On the loop. */
    private void speak(Server server, Channel channel, CompletableFuture<MuxSession> up) {
        server.greet(
                channel,
                socket,
                chain -> {
                    tell(chain);
                    MuxSession session = new MuxSession(
                            MuxSession.Role.CLIENT,
                            config.muxSettings("culvert " + AgentRun.version() + " doctor")
                                    .with(MuxSettings.Resume.OFF),
                            new Listener(server, sessions, up));
                    sessions.add(session, channel, "doctor", () -> new Sessions.Peer("", server.toString()));
                    SessionPipeline.addTo(channel.pipeline(), session);
                },
                reason -> up.completeExceptionally(new Fault(ErrorCode.INTERNAL, reason)));
    }

    private void tell(List<X509Certificate> chain) {
        if (chain.isEmpty()) {
            findings.ok("TLS", "off, nothing is encrypted");
        } else {
            findings.ok(
                    "TLS", "the server's key is " + Fingerprint.of(chain.get(0).getPublicKey()) + ", as expected");
        }
    }

    private record Listener(Server server, Sessions sessions, CompletableFuture<MuxSession> up)
            implements SessionListener {
        @Override
        public void onUp(MuxSession session) {
            up.complete(session);
        }

        @Override
        public void onStream(MuxSession session, MuxStream stream) {
            stream.reset(ErrorCode.FORBIDDEN, "this client takes no streams");
        }

        @Override
        public void onClosed(MuxSession session, ErrorCode code, String text) {
            sessions.remove(session, code);
            up.completeExceptionally(new Fault(code, code + ": " + text + server.advice(session)));
        }
    }

    private void examine(MuxSession session) throws InterruptedException {
        if (config.upstream().protocol() != Protocol.CULVERT) {
            findings.ok("speed", "not measured, and targets not tried: stock smux has no words for that");
            return;
        }
        try {
            tell(get(SpeedTest.run(session, loop)));
            SessionStatus status = get(sessions.status(PATIENCE)).stream()
                    .findFirst()
                    .orElseThrow(() -> new Fault(ErrorCode.CONNECTION_RESET, "the session has ended"));
            findings.ok(
                    "round trip",
                    "%.1f ms, %d segments were sent again"
                            .formatted(status.roundTripMicros() / 1000.0, status.retransmits()));
        } catch (Fault e) {
            findings.note(
                    "speed", "not measured: " + e.getMessage(), "An older server can not; else its log says more.");
        }
        for (ForwardConfig forward : config.forwards()) {
            if (forward.target().isPresent()) { // a proxy's connections say it, each its own
                open(session, forward, forward.target().get());
            }
        }
    }

    private void tell(Speed measured) {
        Duration ahead = Duration.ofMillis(measured.clockAheadMillis());
        String clock = ahead.abs().toMillis() + " ms " + (ahead.isNegative() ? "behind" : "ahead of") + " the server's";
        if (ahead.abs().compareTo(CLOCKS) < 0) {
            findings.ok("clock", clock);
        } else {
            findings.fault(
                    "clock",
                    "%d s %s the server's"
                            .formatted(ahead.abs().toSeconds(), ahead.isNegative() ? "behind" : "ahead of"),
                    "One of the two is wrong: `timedatectl` on both machines says which; certificates of a CA need both right.");
        }
        findings.ok("speed", measured.toString());
    }

    // ---- the targets

    /** What this client dials itself. Whether the server listens for it only the agent can ask: two at a time would be in each other's way. */
    private void look(ReverseConfig reverse) throws InterruptedException {
        try {
            long begunAt = System.nanoTime();
            Optional<WebTls> tls = TargetTlsConfig.to(reverse.target(), reverse.targetTls());
            Dialer targets = dialer.within(config.dialTimeout());
            Channel channel = get(TargetGreeting.dial(targets, loop, reverse, tls, Origin.UNKNOWN, () -> false));
            findings.ok(
                    "reverse",
                    "%s: %s answers, within %s"
                            .formatted(reverse.name(), reverse.target(), millis(System.nanoTime() - begunAt)));
            channel.close().await(PATIENCE.toMillis());
        } catch (Fault e) {
            findings.fault(
                    "reverse",
                    reverse.name() + ": " + e.code + ": " + e.getMessage(),
                    "This machine dials it: start the service, or correct " + reverse.place() + ".target.");
        } catch (IOException e) {
            findings.fault("reverse", reverse.name() + ": " + e.getMessage(), "");
        }
    }

    private void open(MuxSession session, ForwardConfig forward, Address target) throws InterruptedException {
        String name = forward.name();
        CompletableFuture<Void> opened = new CompletableFuture<>();
        CompletableFuture<Void> ended = new CompletableFuture<>();
        StreamListener opening;
        try {
            opening = TargetTlsConfig.to(target, forward.targetTls())
                    .<StreamListener>map(tls -> new TargetHandshake(forward, tls, loop, opened, ended))
                    .orElseGet(() -> new Opening(opened, ended));
        } catch (IOException e) {
            findings.fault("forward", name + ": " + e.getMessage(), "");
            return;
        }
        long begunAt = System.nanoTime();
        loop.execute(() -> {
            if (session.isOpenable()) {
                OpenRequest.Kind kind = forward.isUdp() ? OpenRequest.Kind.DATAGRAMS : OpenRequest.Kind.CONNECTION;
                session.open(new OpenRequest(kind, target, null, connections.newId(), name), opening);
            } else {
                opened.completeExceptionally(new Fault(ErrorCode.REFUSED, "the session takes no more streams"));
            }
        });
        try {
            get(opened);
            long tookNanos = System.nanoTime() - begunAt;
            ended.completeOnTimeout(null, FAREWELL.toMillis(), TimeUnit.MILLISECONDS)
                    .join();
            String found = forward.isUdp()
                    ? "%s: the server sends datagrams to udp:%s; whether anybody is there UDP does not tell"
                            .formatted(name, target)
                    : "%s: %s answers, within %s".formatted(name, target, millis(tookNanos));
            findings.ok("forward", found);
        } catch (Fault e) {
            findings.fault(
                    "forward", name + ": " + e.code + ": " + e.getMessage(), targetAdvice(e.code, forward, target));
        }
    }

    private static String targetAdvice(ErrorCode code, ForwardConfig forward, Address target) {
        return switch (code) {
            case FORBIDDEN ->
                "The server's administrator adds \"" + (forward.isUdp() ? AllowRule.UDP : "") + target
                        + "\" to `allow` of this client in server.conf, and has it read with `tunnel-server reload`.";
            case CONNECTION_REFUSED ->
                "Nobody listens there: start the service, or correct forwards." + forward.name()
                        + ".target. The server dials it, so" + " 127.0.0.1 is the server's machine.";
            case NAME_NOT_FOUND ->
                "The server asks its own name servers: correct forwards." + forward.name()
                        + ".target, or try `getent hosts` there.";
            case UNREACHABLE, TIMEOUT ->
                "The server does not reach it: look for a firewall between the two, and whether the target is up.";
            case CONNECTION_RESET -> forward.targetTls().isPresent() ? "" : SERVER_KNOWS;
            default -> SERVER_KNOWS;
        };
    }

    /** Waits until the target has answered, and lets it end in good order: it should not have to log a reset. */
    private record Opening(CompletableFuture<Void> opened, CompletableFuture<Void> ended) implements StreamListener {
        @Override
        public void onOpened(MuxStream stream) {
            opened.complete(null);
            stream.shutdownOutput();
        }

        @Override
        public void onData(MuxStream stream, ByteBuf data) {
            stream.consumed(data.readableBytes());
            data.release();
        }

        @Override
        public void onFin(MuxStream stream) {
            ended.complete(null);
        }

        @Override
        public void onReset(MuxStream stream, ErrorCode code, String text) {
            opened.completeExceptionally(new Fault(code, text));
            ended.complete(null);
        }
    }

    // ---- waiting

    private static <T> T get(Future<T> future) throws Fault, InterruptedException {
        CompletableFuture<T> waiting = new CompletableFuture<>();
        future.addListener((Future<T> done) -> {
            if (done.isSuccess()) {
                waiting.complete(done.getNow());
            } else {
                waiting.completeExceptionally(done.cause());
            }
        });
        return get(waiting);
    }

    private static <T> T get(CompletableFuture<T> future) throws Fault, InterruptedException {
        try {
            return future.get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            Throwable cause = Objects.requireNonNullElse(e.getCause(), e);
            if (cause instanceof Fault fault) {
                throw fault;
            }
            ErrorCode code = cause instanceof DialFailure failure ? failure.code() : ErrorCode.INTERNAL;
            throw new Fault(code, String.valueOf(cause.getMessage()));
        } catch (TimeoutException e) {
            throw new Fault(ErrorCode.TIMEOUT, "no answer within " + PATIENCE.toSeconds() + " s");
        }
    }

    private static String millis(long nanos) {
        return "%.1f ms".formatted(nanos / 1e6);
    }
}
