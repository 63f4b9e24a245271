package dev.culvert.common.lifecycle;

import dev.culvert.common.splice.Connections;
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
import java.util.function.ToDoubleFunction;

/** The numbers of an agent for Prometheus. All but the histograms are counted elsewhere and looked up when somebody asks. */
final class Metrics implements Connections.Observer {
    private static final double NANOS = 1e9;
    private static final double MICROS = 1e6;

    private final PrometheusRegistry registry = new PrometheusRegistry();
    private final Connections connections;
    private final Histogram opening;
    private final Histogram lifetime;
    private List<SessionStatus> sessions = List.of();

    Metrics(String agent, String version, Connections connections, Sessions sessions, LoopWatch watch) {
        this.connections = connections;
        GaugeWithCallback.builder()
                .name("culvert_build_info")
                .help("Which agent this is, and its version; always 1.")
                .labelNames("agent", "version")
                .callback(callback -> callback.call(1, agent, version))
                .register(registry);
        gaugeOfTally("culvert_connections", "Connections that are there now.", Tally::live);
        counterOfTally("culvert_connections_begun_total", "Connections, ended or not.", Tally::begun);
        counterOfTally(
                "culvert_socket_received_bytes_total",
                "Bytes that came from the sockets of this side: those of local programs at the client, of targets at the server.",
                Tally::fromSockets);
        counterOfTally(
                "culvert_socket_sent_bytes_total",
                "Bytes that were written to the sockets of this side.",
                Tally::toSockets);
        CounterWithCallback.builder()
                .name("culvert_connections_ended_total")
                .help("Connections that have ended: closed in good order, or reset with a code.")
                .labelNames("forward", "client", "code")
                .callback(callback -> connections.tallies().forEach(tally -> {
                    callback.call((double) tally.closed(), tally.forward(), tally.client(), "closed");
                    for (ErrorCode code : ErrorCode.values()) {
                        if (tally.cutOff(code) > 0) {
                            callback.call((double) tally.cutOff(code), tally.forward(), tally.client(), code.label());
                        }
                    }
                }))
                .register(registry);
        CounterWithCallback.builder()
                .name("culvert_sessions_begun_total")
                .help("Sessions, ended or not.")
                .callback(callback -> callback.call((double) sessions.begun()))
                .register(registry);
        CounterWithCallback.builder()
                .name("culvert_sessions_ended_total")
                .help("Sessions that have ended, by the code they ended with.")
                .labelNames("code")
                .callback(callback -> {
                    for (ErrorCode code : ErrorCode.values()) {
                        callback.call((double) sessions.ended(code), code.label());
                    }
                })
                .register(registry);
        gaugeOfSession("culvert_session_streams", "Streams that are open.", SessionStatus::streams);
        gaugeOfSession(
                "culvert_session_round_trip_seconds",
                "How long a PING takes there and back; 0: unknown.",
                session -> session.roundTripMicros() / MICROS);
        gaugeOfSession(
                "culvert_session_unread_bytes", "Bytes that have come and wait for sockets.", SessionStatus::unread);
        gaugeOfSession("culvert_session_unsent_bytes", "Bytes that wait to be sent.", SessionStatus::unsent);
        counterOfSession(
                "culvert_session_received_bytes_total",
                "Bytes from the peer, frames and all.",
                SessionStatus::received);
        counterOfSession("culvert_session_sent_bytes_total", "Bytes to the peer, frames and all.", SessionStatus::sent);
        counterOfSession(
                "culvert_session_retransmits_total",
                "TCP segments of the session that were sent again.",
                SessionStatus::retransmits);
        GaugeWithCallback.builder()
                .name("culvert_loop_lag_seconds")
                .help("How long an event loop took to answer the last time, or has not answered by now.")
                .labelNames("loop")
                .callback(callback ->
                        watch.loops().forEach(loop -> callback.call(loop.lagNanos() / NANOS, loop.name())))
                .register(registry);
        GaugeWithCallback.builder()
                .name("culvert_buffer_bytes")
                .help("Memory that the pools of buffers hold.")
                .labelNames("area")
                .callback(callback -> {
                    ByteBufAllocatorMetric buffers =
                            ((ByteBufAllocatorMetricProvider) ByteBufAllocator.DEFAULT).metric();
                    callback.call((double) buffers.usedDirectMemory(), "direct");
                    callback.call((double) buffers.usedHeapMemory(), "heap");
                })
                .register(registry);
        GaugeWithCallback.builder()
                .name("culvert_heap_used_bytes")
                .help("What is in the heap of the JVM, garbage and all.")
                .callback(callback -> callback.call((double) heapUsed()))
                .register(registry);
        opening = Histogram.builder()
                .name("culvert_connection_opening_seconds")
                .help("From the moment a connection was accepted until its target had answered.")
                .labelNames("forward", "client")
                .classicOnly()
                .classicUpperBounds(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
                .register(registry);
        lifetime = Histogram.builder()
                .name("culvert_connection_lifetime_seconds")
                .help("From the moment a connection was accepted until it ended.")
                .labelNames("forward", "client")
                .classicOnly()
                .classicUpperBounds(0.01, 0.1, 1, 10, 60, 600, 3600, 86400)
                .register(registry);
    }

    private static long heapUsed() {
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }

    private void gaugeOfTally(String name, String help, ToDoubleFunction<Tally> value) {
        GaugeWithCallback.builder()
                .name(name)
                .help(help)
                .labelNames("forward", "client")
                .callback(callback -> connections
                        .tallies()
                        .forEach(tally -> callback.call(value.applyAsDouble(tally), tally.forward(), tally.client())))
                .register(registry);
    }

    private void counterOfTally(String name, String help, ToDoubleFunction<Tally> value) {
        CounterWithCallback.builder()
                .name(name)
                .help(help)
                .labelNames("forward", "client")
                .callback(callback -> connections
                        .tallies()
                        .forEach(tally -> callback.call(value.applyAsDouble(tally), tally.forward(), tally.client())))
                .register(registry);
    }

    private void gaugeOfSession(String name, String help, ToDoubleFunction<SessionStatus> value) {
        GaugeWithCallback.builder()
                .name(name)
                .help(help)
                .labelNames("session", "client")
                .callback(callback -> sessions.forEach(
                        session -> callback.call(value.applyAsDouble(session), session.id(), session.client())))
                .register(registry);
    }

    private void counterOfSession(String name, String help, ToDoubleFunction<SessionStatus> value) {
        CounterWithCallback.builder()
                .name(name)
                .help(help)
                .labelNames("session", "client")
                .callback(callback -> sessions.forEach(
                        session -> callback.call(value.applyAsDouble(session), session.id(), session.client())))
                .register(registry);
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
