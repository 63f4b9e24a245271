package dev.culvert.common.lifecycle;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigValueFactory;
import dev.culvert.common.admin.Backend;
import dev.culvert.common.splice.Connection;
import dev.culvert.common.splice.ConnectionStatus;
import dev.culvert.common.splice.HttpAnswer;
import dev.culvert.common.splice.Tally;
import dev.culvert.mux.Address;
import dev.culvert.mux.ErrorCode;
import io.netty.channel.socket.DuplexChannel;
import io.netty.util.concurrent.Ticker;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;

/** What is shown of an agent to those who ask, and done for them. */
final class Inspection implements Backend {
    /** Of the document; it changes when a field goes or gets another meaning, not when one is added. */
    private static final int SCHEMA = 1;
    /** A loop that has not answered by then is not waited for. */
    private static final Duration PATIENCE = Duration.ofSeconds(2);

    private final String name;
    private final String version;
    private final Agent agent;
    private final Lifecycle lifecycle;
    private final Executor writer;
    private final Metrics metrics;
    private final Rates rates = new Rates(Ticker.systemTicker());
    private final long begunAt = System.nanoTime();

    /** @param writer puts together what the event loops of connections have said: they have other things to do */
    Inspection(String name, String version, Agent agent, Lifecycle lifecycle, Executor writer) {
        this.name = name;
        this.version = version;
        this.agent = agent;
        this.lifecycle = lifecycle;
        this.writer = writer;
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
                .thenCombineAsync(agent.connections().status(PATIENCE), this::document, writer);
    }

    private Config document(List<SessionStatus> sessions, List<ConnectionStatus> connections) {
        List<String> reasons = notReady();
        Descriptors descriptors = Descriptors.now();
        Rates.Look rates = this.rates.look();
        Map<String, Object> document = new LinkedHashMap<>();
        document.put("schema", SCHEMA);
        document.put("agent", name);
        document.put("version", version);
        document.put("pid", ProcessHandle.current().pid());
        document.put("state", lifecycle.isDraining() ? "draining" : reasons.isEmpty() ? "ready" : "not ready");
        document.put("reasons", reasons);
        document.put("uptime_ms", TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begunAt));
        document.put("descriptors", Map.of("open", descriptors.open(), "limit", descriptors.limit()));
        document.put(
                "forwards",
                agent.connections().tallies().stream()
                        .sorted(Comparator.comparing(Tally::forward).thenComparing(Tally::client))
                        .map(tally -> forward(tally, rates))
                        .toList());
        document.put(
                "offers",
                agent.offers().stream()
                        .map(offer -> Map.of(
                                "listener", offer.listener(), "client", offer.client(), "sessions", offer.sessions()))
                        .toList());
        document.put(
                "sessions",
                sessions.stream()
                        .sorted(Comparator.comparingLong(SessionStatus::startedAt))
                        .map(session -> session(session, rates))
                        .toList());
        document.put(
                "connections",
                connections.stream()
                        .sorted(Comparator.comparingLong(ConnectionStatus::startedAt))
                        .map(connection -> connection(connection, rates))
                        .toList());
        document.put(
                "loops",
                lifecycle.watch().loops().stream()
                        .map(loop -> Map.of("name", loop.name(), "lag_us", loop.lagNanos() / 1_000))
                        .toList());
        document.put(
                "history",
                lifecycle.history().samples().stream()
                        .map(sample -> Map.of(
                                "in_per_s",
                                sample.in(),
                                "out_per_s",
                                sample.out(),
                                "connections",
                                sample.connections(),
                                "round_trip_us",
                                sample.roundTripMicros()))
                        .toList());
        this.rates.done(rates);
        return ConfigValueFactory.fromMap(document).toConfig();
    }

    private static Map<String, Object> forward(Tally tally, Rates.Look rates) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("forward", tally.forward());
        fields.put("client", tally.client());
        fields.put("connections", tally.live());
        fields.put("begun", tally.begun());
        fields.put("in", tally.fromSockets());
        fields.put("out", tally.toSockets());
        String key = "forward " + tally.client() + " " + tally.forward();
        fields.put("in_per_s", rates.perSecond(key + " in", tally.fromSockets()));
        fields.put("out_per_s", rates.perSecond(key + " out", tally.toSockets()));
        return fields;
    }

    private static Map<String, Object> session(SessionStatus session, Rates.Look rates) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("id", session.id());
        fields.put("name", session.name());
        fields.put("client", session.client());
        fields.put("peer", session.peer());
        fields.put("protocol", session.version());
        fields.put("software", session.software());
        fields.put("state", session.state().toString());
        fields.put("age_ms", session.ageMillis());
        fields.put("streams", session.streams());
        fields.put("received", session.received());
        fields.put("sent", session.sent());
        fields.put("received_per_s", rates.perSecond("session " + session.id() + " received", session.received()));
        fields.put("sent_per_s", rates.perSecond("session " + session.id() + " sent", session.sent()));
        fields.put("round_trip_us", session.roundTripMicros());
        fields.put("retransmits", session.retransmits());
        fields.put("windows", session.windows());
        fields.put("unread", session.unread());
        fields.put("unsent", session.unsent());
        return fields;
    }

    private Map<String, Object> connection(ConnectionStatus connection, Rates.Look rates) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("id", connection.id());
        fields.put("forward", connection.forward());
        fields.put("client", connection.client());
        fields.put("source", connection.source());
        fields.put("target", connection.target());
        fields.put("session", agent.sessions().id(connection.session()));
        fields.put("state", connection.state().toString());
        fields.put("age_ms", connection.ageMillis());
        fields.put("idle_ms", connection.idleMillis());
        fields.put("in", connection.in());
        fields.put("out", connection.out());
        fields.put("in_per_s", rates.perSecond("connection " + connection.id() + " in", connection.in()));
        fields.put("out_per_s", rates.perSecond("connection " + connection.id() + " out", connection.out()));
        fields.put("unread", connection.unread());
        fields.put("unsent", connection.unsent());
        return fields;
    }
}
