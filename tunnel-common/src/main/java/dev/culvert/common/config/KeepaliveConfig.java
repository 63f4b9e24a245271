package dev.culvert.common.config;

import static dev.culvert.common.config.Kind.duration;
import static java.time.Duration.ofHours;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;

import dev.culvert.mux.MuxSettings;
import java.time.Duration;

/**
 * When a silent session is asked whether it still lives, and when it is given up.
 *
 * @param interval between two questions, 100ms to 10m
 * @param timeout without an answer the session is dead, 200ms to 1h; at least twice the interval
 */
public record KeepaliveConfig(Duration interval, Duration timeout) {
    public KeepaliveConfig {
        if (timeout.compareTo(interval.multipliedBy(2)) < 0) {
            throw new IllegalArgumentException("timeout (%s) must be at least twice interval (%s)"
                    .formatted(Units.of(timeout), Units.of(interval)));
        }
    }

    /** Reads {@code interval} and {@code timeout}. */
    public static KeepaliveConfig read(Section section) {
        return new KeepaliveConfig(
                section.get("interval", duration(ofMillis(100), ofMinutes(10)), ofSeconds(5)),
                section.get("timeout", duration(ofMillis(200), ofHours(1)), ofSeconds(15)));
    }

    /** The same, as a session takes it. */
    public MuxSettings.Keepalive forMux() {
        return new MuxSettings.Keepalive(interval, timeout);
    }

    /** A few words for people. */
    public String describe() {
        return "every " + Units.of(interval) + ", dead after " + Units.of(timeout) + " of silence";
    }
}
