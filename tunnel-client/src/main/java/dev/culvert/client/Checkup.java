package dev.culvert.client;

import dev.culvert.common.lifecycle.AgentRun;
import dev.culvert.common.lifecycle.Findings;
import dev.culvert.common.lifecycle.SessionStatus;
import dev.culvert.common.lifecycle.Sessions;
import dev.culvert.common.lifecycle.Speed;
import dev.culvert.common.net.Dialer;
import dev.culvert.common.net.Proxy;
import dev.culvert.common.net.SessionPipeline;
import dev.culvert.common.net.SessionSocket;
import dev.culvert.common.net.Transport;
import dev.culvert.common.splice.Connections;
import dev.culvert.common.tls.Fingerprint;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.MuxSettings;
import dev.culvert.mux.MuxStream;
import dev.culvert.mux.SessionListener;
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
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * The way to the servers and to the targets behind them, looked at step by step for {@code doctor}: with a session of
 * its own to each server, made as the agent makes it. Blocks.
 */
final class Checkup implements AutoCloseable {
    /** The logs of two machines can still be compared, and certificates are good for longer. */
    private static final Duration CLOCKS = Duration.ofSeconds(30);

    /**
     * For what has no deadline of its own here. A server may take {@code dial.timeout} for a target, 10 s if it is not
     * set.
     */
    static final Duration PATIENCE = Duration.ofSeconds(20);

    private final ClientConfig config;
    private final Findings findings;
    private final EventLoopGroup loops;
    private final EventLoop loop;
    private final Dialer dialer;
    private final SessionSocket socket;
    private final Connections connections = new Connections(Ticker.systemTicker());
    private final Sessions sessions = new Sessions(connections, Ticker.systemTicker());
    private final TargetCheck targets;

    Checkup(ClientConfig config, Findings findings) {
        this.config = config;
        this.findings = findings;
        Transport transport = Transport.best();
        loops = transport.newEventLoops(1, "doctor");
        loop = loops.next();
        dialer = new Dialer(transport, config.upstream().connectTimeout());
        socket = new SessionSocket(config.upstream().userTimeout());
        targets = new TargetCheck(loop, dialer.within(config.dialTimeout()), connections, findings);
    }

    @Override
    public void close() {
        loops.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }

    void run() throws InterruptedException {
        for (ReverseConfig reverse : config.reverse()) {
            targets.look(reverse);
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
            List<InetSocketAddress> found = Fault.resultOf(dialer.resolve(loop, address));
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
            channel = Fault.resultOf(reached);
        } catch (Fault e) {
            findings.fault("connection", String.valueOf(e.getMessage()), connectionAdvice(server, e.code()));
            return;
        }
        try {
            MuxSession session = Fault.resultOf(up);
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
            tell(Fault.resultOf(SpeedTest.run(session, loop)));
        } catch (Fault e) {
            findings.note(
                    "speed",
                    "not measured: " + e.getMessage(),
                    "A server with a rate does not, nor can an older one; else its log says more.");
        }
        try {
            SessionStatus status = Fault.resultOf(sessions.status(PATIENCE)).stream()
                    .findFirst()
                    .orElseThrow(() -> new Fault(ErrorCode.CONNECTION_RESET, "the session has ended"));
            findings.ok(
                    "round trip",
                    "%.1f ms, %d segments were sent again"
                            .formatted(status.roundTripMicros() / 1000.0, status.retransmits()));
        } catch (Fault e) {
            findings.note("round trip", "unknown: " + e.getMessage(), "The server's log may say more.");
        }
        for (ForwardConfig forward : config.forwards()) {
            if (forward.target().isPresent()) { // a proxy's connections say it, each its own
                targets.open(session, forward, forward.target().get());
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

    static String millis(long nanos) {
        return "%.1f ms".formatted(nanos / 1e6);
    }
}
