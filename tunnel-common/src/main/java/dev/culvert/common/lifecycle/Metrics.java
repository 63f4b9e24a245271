package dev.culvert.common.lifecycle;

import static java.util.stream.Collectors.groupingBy;
import static java.util.stream.Collectors.summingInt;

import dev.culvert.common.splice.Connections;
import dev.culvert.common.splice.Datagrams;
import dev.culvert.common.splice.Tally;
import dev.culvert.mux.ErrorCode;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufAllocatorMetric;
import io.netty.buffer.ByteBufAllocatorMetricProvider;
import io.prometheus.metrics.core.metrics.CounterWithCallback;
import io.prometheus.metrics.core.metrics.GaugeWithCallback;
import io.prometheus.metrics.core.metrics.Histogram;
import io.prometheus.metrics.expositionformats.PrometheusTextFormatWriter;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;

/**
 * The numbers of an agent for Prometheus. All but the histograms are counted elsewhere and looked up when somebody
 * asks.
 */
final class Metrics implements Connections.Observer {
    private static final double NANOS = 1e9;
    private static final double MICROS = 1e6;
    private static final List<String> OF_TALLY = List.of("forward", "client");
    private static final List<String> OF_SESSION = List.of("session", "client");

    private final PrometheusRegistry registry = new PrometheusRegistry();
    private final Connections connections;
    private final Histogram roundTrip = Histogram.builder()
            .name("culvert_round_trip_seconds")
            .help("The round trip of each session, once a second.")
            .labelNames("client")
            .classicOnly()
            .classicUpperBounds(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
            .register(registry);

    private final Histogram opening = Histogram.builder()
            .name("culvert_connection_opening_seconds")
            .help("From the moment a connection was accepted until its target had answered.")
            .labelNames("forward", "client")
            .classicOnly()
            .classicUpperBounds(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
            .register(registry);

    private final Histogram lifetime = Histogram.builder()
            .name("culvert_connection_lifetime_seconds")
            .help("From the moment a connection was accepted until it ended.")
            .labelNames("forward", "client")
            .classicOnly()
            .classicUpperBounds(0.01, 0.1, 1, 10, 60, 600, 3600, 86400)
            .register(registry);

    /** As they were when somebody asked. */
    private List<SessionStatus> sessions = List.of();

    /** Takes the values of a metric, each with its labels. */
    @FunctionalInterface
    private interface Sink {
        void value(double value, String... labels);
    }

    Metrics(
            String agent,
            String version,
            Connections connections,
            Sessions sessions,
            Supplier<List<OfferStatus>> offers,
            LoopWatch watch) {
        this.connections = connections;
        gauge(
                "culvert_build_info",
                "Which agent this is, and its version; always 1.",
                List.of("agent", "version"),
                sink -> sink.value(1, agent, version));
        ofConnections();
        ofSessions(sessions, offers);
        ofProcess(watch);
    }

    private void ofConnections() {
        gauge("culvert_connections", "Connections that are there now.", OF_TALLY, tallies(Tally::live));
        counter("culvert_connections_begun_total", "Connections, ended or not.", OF_TALLY, tallies(Tally::begun));
        counter(
                "culvert_connections_retried_total",
                "How often a connection went to another session, because the one before had not processed its open request.",
                OF_TALLY,
                tallies(Tally::retried));
        counter(
                "culvert_socket_received_bytes_total",
                "Bytes that came from the sockets of this side: those of local programs at the client, of targets at the server.",
                OF_TALLY,
                tallies(Tally::fromSockets));
        counter(
                "culvert_socket_sent_bytes_total",
                "Bytes that were written to the sockets of this side.",
                OF_TALLY,
                tallies(Tally::toSockets));
        counter(
                "culvert_rate_wait_seconds_total",
                "How long connections have waited for a rate, each direction for itself.",
                OF_TALLY,
                tallies(tally -> tally.waited() / NANOS));
        counter(
                "culvert_datagrams_total",
                "Datagrams of all flows: in from the sockets of this side, out to them.",
                List.of("direction"),
                sink -> {
                    sink.value((double) connections.datagrams().fromSockets(), "in");
                    sink.value((double) connections.datagrams().toSockets(), "out");
                });
        counter("culvert_datagrams_dropped_total", "Datagrams that were dropped, by why.", List.of("reason"), sink -> {
            for (Datagrams.Loss loss : Datagrams.Loss.values()) {
                sink.value((double) connections.datagrams().lost(loss), loss.label());
            }
        });
        counter(
                "culvert_connections_ended_total",
                "Connections that have ended: closed in good order, or reset with a code.",
                List.of("forward", "client", "code"),
                sink -> connections.tallies().forEach(tally -> ended(tally, sink)));
    }

    private void ofSessions(Sessions all, Supplier<List<OfferStatus>> offers) {
        counter(
                "culvert_sessions_begun_total",
                "Sessions, ended or not.",
                List.of(),
                sink -> sink.value((double) all.begun()));
        counter(
                "culvert_sessions_ended_total",
                "Sessions that have ended, by the code they ended with.",
                List.of("code"),
                sink -> {
                    for (ErrorCode code : ErrorCode.values()) {
                        sink.value((double) all.ended(code), code.label());
                    }
                });
        counter(
                "culvert_sessions_resumed_total",
                "How often a session that had lost its link went on by another.",
                List.of(),
                sink -> sink.value((double) all.resumed()));
        gauge(
                "culvert_sessions",
                "Sessions that are there now, by their state.",
                List.of("state"),
                sink -> Stream.of(SessionStatus.State.values())
                        .forEach(state -> sink.value(count(state), state.toString())));
        gauge(
                "culvert_offers",
                "Sessions in which it is offered to take the connections of a listener.",
                List.of("listener", "client"),
                sink -> offers.get().stream()
                        .collect(groupingBy(Metrics::labels, summingInt(OfferStatus::sessions)))
                        .forEach((labels, count) -> sink.value(count, labels.toArray(String[]::new))));
        gauge("culvert_session_streams", "Streams that are open.", OF_SESSION, sessions(SessionStatus::streams));
        gauge(
                "culvert_session_round_trip_seconds",
                "How long a PING takes there and back; 0: unknown.",
                OF_SESSION,
                sessions(session -> session.roundTripMicros() / MICROS));
        gauge(
                "culvert_session_windows_bytes",
                "How much more than at first the peer may send on its streams before it hears of us.",
                OF_SESSION,
                sessions(SessionStatus::windows));
        gauge(
                "culvert_session_unread_bytes",
                "Bytes that have come and wait for sockets.",
                OF_SESSION,
                sessions(SessionStatus::unread));
        gauge(
                "culvert_session_unsent_bytes",
                "Bytes that wait to be sent.",
                OF_SESSION,
                sessions(SessionStatus::unsent));
        counter(
                "culvert_session_received_bytes_total",
                "Bytes from the peer, frames and all.",
                OF_SESSION,
                sessions(SessionStatus::received));
        counter(
                "culvert_session_sent_bytes_total",
                "Bytes to the peer, frames and all.",
                OF_SESSION,
                sessions(SessionStatus::sent));
        counter(
                "culvert_session_retransmits_total",
                "TCP segments of the session that were sent again.",
                OF_SESSION,
                sessions(SessionStatus::retransmits));
    }

    private void ofProcess(LoopWatch watch) {
        gauge(
                "culvert_loop_lag_seconds",
                "How long an event loop took to answer the last time, or has not answered by now.",
                List.of("loop"),
                sink -> watch.loops().forEach(loop -> sink.value(loop.lagNanos() / NANOS, loop.name())));
        gauge("culvert_buffer_bytes", "Memory that the pools of buffers hold.", List.of("area"), sink -> {
            ByteBufAllocatorMetric buffers = ((ByteBufAllocatorMetricProvider) ByteBufAllocator.DEFAULT).metric();
            sink.value((double) buffers.usedDirectMemory(), "direct");
            sink.value((double) buffers.usedHeapMemory(), "heap");
        });
        gauge(
                "culvert_heap_used_bytes",
                "What is in the heap of the JVM, garbage and all.",
                List.of(),
                sink -> sink.value((double) heapUsed()));
        gauge(
                "culvert_descriptors_open",
                "File descriptors of the process.",
                List.of(),
                sink -> sink.value((double) Descriptors.now().open()));
        gauge(
                "culvert_descriptors_limit",
                "How many file descriptors the process may have.",
                List.of(),
                sink -> sink.value((double) Descriptors.now().limit()));
    }

    private static long heapUsed() {
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }

    private static void ended(Tally tally, Sink sink) {
        sink.value((double) tally.closed(), tally.forward(), tally.client(), "closed");
        for (ErrorCode code : ErrorCode.values()) {
            if (tally.cutOff(code) > 0) {
                sink.value((double) tally.cutOff(code), tally.forward(), tally.client(), code.label());
            }
        }
    }

    private Consumer<Sink> tallies(ToDoubleFunction<Tally> value) {
        return sink -> connections
                .tallies()
                .forEach(tally -> sink.value(value.applyAsDouble(tally), tally.forward(), tally.client()));
    }

    /** A client could make as many series as it likes by names of its own. */
    private static List<String> labels(OfferStatus offer) {
        return List.of(offer.own() ? "(own)" : offer.listener(), offer.client());
    }

    private double count(SessionStatus.State state) {
        return (double)
                sessions.stream().filter(session -> session.state() == state).count();
    }

    private Consumer<Sink> sessions(ToDoubleFunction<SessionStatus> value) {
        return sink ->
                sessions.forEach(session -> sink.value(value.applyAsDouble(session), session.id(), session.client()));
    }

    private void gauge(String name, String help, List<String> labels, Consumer<Sink> values) {
        GaugeWithCallback.builder()
                .name(name)
                .help(help)
                .labelNames(labels.toArray(new String[0]))
                .callback(callback -> values.accept(callback::call))
                .register(registry);
    }

    private void counter(String name, String help, List<String> labels, Consumer<Sink> values) {
        CounterWithCallback.builder()
                .name(name)
                .help(help)
                .labelNames(labels.toArray(new String[0]))
                .callback(callback -> values.accept(callback::call))
                .register(registry);
    }

    /** Where they are known. Any thread. */
    void roundTrips(List<SessionStatus> now) {
        now.stream()
                .filter(session -> session.roundTripMicros() > 0)
                .forEach(
                        session -> roundTrip.labelValues(session.client()).observe(session.roundTripMicros() / MICROS));
    }

    @Override
    public void onOpened(Tally tally, long nanos) {
        opening.labelValues(tally.forward(), tally.client()).observe(nanos / NANOS);
    }

    @Override
    public void onEnded(Tally tally, long nanos) {
        lifetime.labelValues(tally.forward(), tally.client()).observe(nanos / NANOS);
    }

    /** All of them, with what the sessions have said of themselves just now. */
    synchronized byte[] write(List<SessionStatus> now) {
        sessions = now;
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        try {
            PrometheusTextFormatWriter.create().write(text, registry.scrape());
        } catch (IOException e) {
            throw new UncheckedIOException(e); // memory does not fail
        }
        return text.toByteArray();
    }
}
