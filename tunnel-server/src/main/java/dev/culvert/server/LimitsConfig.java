package dev.culvert.server;

import static dev.culvert.common.config.Kind.duration;
import static dev.culvert.common.config.Kind.integer;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;

import dev.culvert.common.config.Section;
import dev.culvert.common.config.Units;
import dev.culvert.mux.MuxSettings;
import java.time.Duration;

/**
 * What peers may ask for. Each number is 1 to 1000000.
 *
 * @param sessions at the same time, of all peers together
 * @param handshakes connections whose peers have not shown yet who they are; one more, and the oldest has to go
 * @param streams at the same time, in one session
 * @param opensPerSecond in one session
 * @param handshakeTimeout from the connection to a session that is up, 100ms to 5m
 */
record LimitsConfig(int sessions, int handshakes, int streams, int opensPerSecond, Duration handshakeTimeout) {
    private static final int MAX = 1_000_000;

    static LimitsConfig read(Section section) {
        return new LimitsConfig(
                section.get("sessions", integer(1, MAX), 1_000),
                section.get("handshakes", integer(1, MAX), 500),
                section.get("streams", integer(1, MAX), 20_000),
                section.get("opens-per-second", integer(1, MAX), 10_000),
                section.get("handshake-timeout", duration(ofMillis(100), ofMinutes(5)), ofSeconds(10)));
    }

    /** What concerns one session, as a session takes it. */
    MuxSettings.Limits forMux() {
        return new MuxSettings.Limits(streams, opensPerSecond, MuxSettings.Limits.DEFAULT.replies());
    }

    /** A few words for people. */
    String describe() {
        return "%s sessions, %s streams and %s opens a second in each, %s handshakes, each within %s"
                .formatted(sessions, streams, opensPerSecond, handshakes, Units.of(handshakeTimeout));
    }
}
