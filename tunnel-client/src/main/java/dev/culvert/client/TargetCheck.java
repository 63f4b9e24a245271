package dev.culvert.client;

import dev.culvert.common.lifecycle.Findings;
import dev.culvert.common.net.AllowRule;
import dev.culvert.common.net.Dialer;
import dev.culvert.common.net.Origin;
import dev.culvert.common.splice.Connections;
import dev.culvert.common.tls.WebTls;
import dev.culvert.mux.Address;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.MuxStream;
import dev.culvert.mux.OpenRequest;
import dev.culvert.mux.StreamListener;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * The targets for {@code doctor}, tried one by one: over a session that is up, and those that this client dials itself.
 * Blocks.
 */
final class TargetCheck {
    private static final String SERVER_KNOWS = "The server's log says more, with the same reason.";

    /** What a target may take to end a connection that has said nothing, before that is reset. */
    private static final Duration FAREWELL = Duration.ofSeconds(1);

    private final EventLoop loop;
    private final Dialer dialer;
    private final Connections connections;
    private final Findings findings;

    /**
     * Has tried none so far.
     *
     * @param loop that of the sessions
     * @param dialer of what this client dials itself
     */
    TargetCheck(EventLoop loop, Dialer dialer, Connections connections, Findings findings) {
        this.loop = loop;
        this.dialer = dialer;
        this.connections = connections;
        this.findings = findings;
    }

    /**
     * What this client dials itself. Whether the server listens for it only the agent can ask: two at a time would be
     * in each other's way.
     */
    void look(ReverseConfig reverse) throws InterruptedException {
        try {
            long begunAt = System.nanoTime();
            Optional<WebTls> tls = TargetTlsConfig.to(reverse.target(), reverse.targetTls());
            Channel channel =
                    Fault.resultOf(TargetGreeting.dial(dialer, loop, reverse, tls, Origin.UNKNOWN, () -> false));
            findings.ok(
                    "reverse",
                    "%s: %s answers, within %s"
                            .formatted(reverse.name(), reverse.target(), Checkup.millis(System.nanoTime() - begunAt)));
            channel.close().await(Checkup.PATIENCE.toMillis());
        } catch (Fault e) {
            findings.fault(
                    "reverse",
                    reverse.name() + ": " + e.code() + ": " + e.getMessage(),
                    "This machine dials it: start the service, or correct " + reverse.place() + ".target.");
        } catch (IOException e) {
            findings.fault("reverse", reverse.name() + ": " + e.getMessage(), "");
        }
    }

    /** What the server dials. */
    void open(MuxSession session, ForwardConfig forward, Address target) throws InterruptedException {
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
            Fault.resultOf(opened);
            long tookNanos = System.nanoTime() - begunAt;
            ended.completeOnTimeout(null, FAREWELL.toMillis(), TimeUnit.MILLISECONDS)
                    .join();
            String found = forward.isUdp()
                    ? "%s: the server sends datagrams to udp:%s; whether anybody is there UDP does not tell"
                            .formatted(name, target)
                    : "%s: %s answers, within %s".formatted(name, target, Checkup.millis(tookNanos));
            findings.ok("forward", found);
        } catch (Fault e) {
            findings.fault(
                    "forward", name + ": " + e.code() + ": " + e.getMessage(), advice(e.code(), forward, target));
        }
    }

    private static String advice(ErrorCode code, ForwardConfig forward, Address target) {
        return switch (code) {
            case FORBIDDEN ->
                "The server's administrator adds \"" + (forward.isUdp() ? AllowRule.UDP : "") + target
                        + "\" to `allow` of this client in server.conf, and has it read with `tunnel-server reload`.";
            case CONNECTION_REFUSED ->
                "Nobody listens there: start the service, or correct forwards." + forward.name()
                        + ".target. The server dials it, so 127.0.0.1 is the server's machine.";
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
}
