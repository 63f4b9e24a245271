package dev.culvert.common.lifecycle;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigRenderOptions;
import dev.culvert.common.admin.Backend;
import dev.culvert.common.splice.Connection;
import dev.culvert.common.splice.HttpAnswer;
import dev.culvert.mux.Address;
import dev.culvert.mux.ErrorCode;
import io.netty.channel.socket.DuplexChannel;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

/** What is shown of an agent to those who ask, and done for them. */
final class Inspection implements Backend {
    /** A loop that has not answered by then is not waited for. */
    private static final Duration PATIENCE = Duration.ofSeconds(2);

    private final Agent agent;
    private final Lifecycle lifecycle;
    private final Executor writer;
    private final Metrics metrics;
    private final StatusDocument document;

    /** @param writer puts together what the event loops of connections have said: they have other things to do */
    Inspection(String name, String version, Agent agent, Lifecycle lifecycle, Executor writer) {
        this.agent = agent;
        this.lifecycle = lifecycle;
        this.writer = writer;
        document = new StatusDocument(name, version, agent, lifecycle);
        metrics = new Metrics(name, version, agent.connections(), agent.sessions(), agent::offers, lifecycle.watch());
        agent.connections().observe(metrics);
        lifecycle.history().observe(metrics::roundTrips);
    }

    @Override
    public List<String> notAlive() {
        return lifecycle.watch().loops().stream()
                .filter(loop -> loop.lagNanos() >= LoopWatch.STUCK)
                .map(loop -> "the event loop " + loop.name() + " has not answered for "
                        + TimeUnit.NANOSECONDS.toMillis(loop.lagNanos()) + " ms")
                .toList();
    }

    @Override
    public List<String> notReady() {
        List<String> reasons = new ArrayList<>(notAlive());
        if (lifecycle.isDraining()) {
            reasons.add("this agent drains"); // what it would lack for more is not wanted any more
        } else {
            reasons.addAll(agent.troubles());
        }
        return reasons;
    }

    @Override
    public CompletableFuture<byte[]> metrics() {
        return agent.sessions().status(PATIENCE).thenApplyAsync(metrics::write, writer);
    }

    @Override
    public CompletableFuture<Answer> reload() {
        return lifecycle.requestReload();
    }

    @Override
    public void connect(DuplexChannel channel, Address target, HttpAnswer answer) {
        agent.connect(channel, target, answer);
    }

    @Override
    public CompletableFuture<Answer> plan() {
        return lifecycle.plan();
    }

    @Override
    public CompletableFuture<Answer> measure() {
        return agent.measure().handle((speed, failure) -> {
            if (failure == null) {
                return new Answer(true, speed.toString());
            }
            Throwable cause = Objects.requireNonNullElse(failure.getCause(), failure); // it has come a long way
            return new Answer(false, String.valueOf(cause.getMessage()));
        });
    }

    @Override
    public CompletableFuture<Answer> upgrade() {
        return lifecycle.succession().upgrade();
    }

    @Override
    public Heir announce(long pid) throws IOException {
        return lifecycle.succession().announce(pid);
    }

    @Override
    public void drain() {
        lifecycle.requestDrain();
    }

    @Override
    public void end() {
        lifecycle.signal();
    }

    @Override
    public boolean kill(String id) {
        Optional<Connection> found = agent.connections().find(id);
        found.ifPresent(connection -> connection.cut(ErrorCode.CANCELLED, "killed by an administrator"));
        return found.isPresent();
    }

    @Override
    public CompletableFuture<String> status() {
        return snapshot().thenApply(status -> status.root().render(ConfigRenderOptions.concise()) + "\n");
    }

    @Override
    public CompletableFuture<Page> page() {
        return snapshot().thenApply(status -> new Page(StatusPage.of(status), StatusPage.POLICY));
    }

    private CompletableFuture<Config> snapshot() {
        return agent.sessions()
                .status(PATIENCE)
                .thenCombineAsync(
                        agent.connections().status(PATIENCE),
                        (sessions, connections) -> document.of(notReady(), sessions, connections),
                        writer);
    }
}
