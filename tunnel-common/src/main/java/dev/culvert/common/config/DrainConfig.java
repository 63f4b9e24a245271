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
 * @param upgradeTimeout the same for a process whose place another one has taken, 0s to 24h
 * @param idle a connection that has been silent for this long is ended before that, 1s to 24h; empty: it is not
 */
public record DrainConfig(Duration timeout, Duration upgradeTimeout, Optional<Duration> idle) {
    private static final Duration DAY = ofHours(24);
    private static final Duration AFTER_UPGRADE = ofHours(1);

    /** Reads {@code timeout}, {@code upgrade-timeout} and {@code idle}. */
    public static DrainConfig read(Section section) {
        Duration timeout = section.get("timeout", duration(ZERO, DAY), ofSeconds(30));
        Duration longer = timeout.compareTo(AFTER_UPGRADE) > 0 ? timeout : AFTER_UPGRADE;
        return new DrainConfig(
                timeout,
                section.get("upgrade-timeout", duration(ZERO, DAY), longer),
                section.get("idle", offOr(duration(ofSeconds(1), DAY)), Optional.empty()));
    }

    /** A few words for people. */
    public String describe() {
        return "up to " + Units.of(timeout) + ", after an upgrade up to " + Units.of(upgradeTimeout)
                + idle.map(silence -> ", connections idle for " + Units.of(silence) + " are ended at once")
                        .orElse("");
    }
}
