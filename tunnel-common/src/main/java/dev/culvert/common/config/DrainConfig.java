package dev.culvert.common.config;

import static dev.culvert.common.config.Kind.duration;
import static dev.culvert.common.config.Kind.offOr;
import static java.time.Duration.ZERO;
import static java.time.Duration.ofHours;
import static java.time.Duration.ofSeconds;

import java.time.Duration;
import java.util.Optional;

/**
 * How an agent that is told to stop treats the connections it still has.
 *
 * @param timeout then the rest is reset, 0s to 24h
 * @param idle a connection that has been silent for this long is ended before that, 1s to 24h; empty: it is not
 */
public record DrainConfig(Duration timeout, Optional<Duration> idle) {
    private static final Duration DAY = ofHours(24);

    /** Reads {@code timeout} and {@code idle}. */
    public static DrainConfig read(Section section) {
        return new DrainConfig(
                section.get("timeout", duration(ZERO, DAY), ofSeconds(30)),
                section.get("idle", offOr(duration(ofSeconds(1), DAY)), Optional.empty()));
    }

    /** A few words for people. */
    public String describe() {
        return "up to " + Units.of(timeout)
                + idle.map(silence -> ", connections idle for " + Units.of(silence) + " are ended at once")
                        .orElse("");
    }
}
