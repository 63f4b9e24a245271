package dev.culvert.common.lifecycle;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigValueFactory;
import dev.culvert.common.splice.ConnectionStatus;
import dev.culvert.common.splice.Tally;
import io.netty.util.concurrent.Ticker;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.ToLongFunction;

/** The status of an agent as a document, which is what HTTP gives and the commands and the page show. Any thread. */
final class StatusDocument {
    /** It changes when a field goes or gets another meaning, not when one is added. */
    private static final int SCHEMA = 1;

    private final String name;
    private final String version;
    private final Agent agent;
    private final Lifecycle lifecycle;
    private final Rates rates = new Rates(Ticker.systemTicker());
    private final long begunAt = System.nanoTime();

    StatusDocument(String name, String version, Agent agent, Lifecycle lifecycle) {
        this.name = name;
        this.version = version;
        this.agent = agent;
        this.lifecycle = lifecycle;
    }

    /**
     * The agent as it is now.
     *
     * @param reasons why it is not ready; empty: it is
     */
    Config of(List<String> reasons, List<SessionStatus> sessions, List<ConnectionStatus> connections) {
        Descriptors descriptors = Descriptors.now();
        Rates.Look look = rates.look();
        Map<String, Object> document = new LinkedHashMap<>();
        document.put("schema", SCHEMA);
        document.put("agent", name);
        document.put("version", version);
        document.put("pid", ProcessHandle.current().pid());
        document.put("state", lifecycle.isDraining() ? "draining" : reasons.isEmpty() ? "ready" : "not ready");
        document.put("reasons", reasons);
        document.put("uptime_ms", TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begunAt));
        document.put("descriptors", Map.of("open", descriptors.open(), "limit", descriptors.limit()));
        document.put("forwards", forwards(look));
        document.put("offers", offers());
        document.put("sessions", oldestFirst(sessions, SessionStatus::startedAt, session -> session(session, look)));
        document.put(
                "connections",
                oldestFirst(connections, ConnectionStatus::startedAt, connection -> connection(connection, look)));
        document.put("loops", loops());
        document.put("history", history());
        rates.done(look);
        return ConfigValueFactory.fromMap(document).toConfig();
    }

    private static <T> List<Map<String, Object>> oldestFirst(
            List<T> all, ToLongFunction<T> startedAt, Function<T, Map<String, Object>> fields) {
        return all.stream()
                .sorted(Comparator.comparingLong(startedAt))
                .map(fields)
                .toList();
    }

    private List<Map<String, Object>> forwards(Rates.Look look) {
        return agent.connections().tallies().stream()
                .sorted(Comparator.comparing(Tally::forward).thenComparing(Tally::client))
                .map(tally -> forward(tally, look))
                .toList();
    }

    private List<Map<String, Object>> offers() {
        return agent.offers().stream()
                .map(offer -> Map.<String, Object>of(
                        "listener", offer.listener(), "client", offer.client(), "sessions", offer.sessions()))
                .toList();
    }

    private List<Map<String, Object>> loops() {
        return lifecycle.watch().loops().stream()
                .map(loop -> Map.<String, Object>of("name", loop.name(), "lag_us", loop.lagNanos() / 1_000))
                .toList();
    }

    private List<Map<String, Object>> history() {
        return lifecycle.history().samples().stream()
                .map(sample -> Map.<String, Object>of(
                        "in_per_s", sample.in(),
                        "out_per_s", sample.out(),
                        "connections", sample.connections(),
                        "round_trip_us", sample.roundTripMicros()))
                .toList();
    }

    private static Map<String, Object> forward(Tally tally, Rates.Look look) {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("forward", tally.forward());
        fields.put("client", tally.client());
        fields.put("connections", tally.live());
        fields.put("begun", tally.begun());
        fields.put("in", tally.fromSockets());
        fields.put("out", tally.toSockets());
        String key = "forward " + tally.client() + " " + tally.forward();
        fields.put("in_per_s", look.perSecond(key + " in", tally.fromSockets()));
        fields.put("out_per_s", look.perSecond(key + " out", tally.toSockets()));
        return fields;
    }

    private static Map<String, Object> session(SessionStatus session, Rates.Look look) {
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
        fields.put("received_per_s", look.perSecond("session " + session.id() + " received", session.received()));
        fields.put("sent_per_s", look.perSecond("session " + session.id() + " sent", session.sent()));
        fields.put("round_trip_us", session.roundTripMicros());
        fields.put("retransmits", session.retransmits());
        fields.put("windows", session.windows());
        fields.put("unread", session.unread());
        fields.put("unsent", session.unsent());
        return fields;
    }

    private Map<String, Object> connection(ConnectionStatus connection, Rates.Look look) {
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
        fields.put("in_per_s", look.perSecond("connection " + connection.id() + " in", connection.in()));
        fields.put("out_per_s", look.perSecond("connection " + connection.id() + " out", connection.out()));
        fields.put("unread", connection.unread());
        fields.put("unsent", connection.unsent());
        return fields;
    }
}
