package dev.culvert.client;

import static dev.culvert.common.config.Kind.duration;
import static dev.culvert.common.config.Kind.integer;
import static java.time.Duration.ofHours;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;

import dev.culvert.common.config.Section;
import dev.culvert.common.config.Units;
import java.time.Duration;

/**
 * How a target is looked at: by connecting to it.
 *
 * @param interval between two looks, 100ms to 1h
 * @param timeout for one, 10ms to 5m
 * @param fall so many failures in a row, and it is down, 1 to 100
 * @param rise so many successes in a row, and it is up again, 1 to 100
 */
record HealthConfig(Duration interval, Duration timeout, int fall, int rise) {
    static HealthConfig read(Section section) {
        return new HealthConfig(
                section.get("interval", duration(ofMillis(100), ofHours(1)), ofSeconds(10)),
                section.get("timeout", duration(ofMillis(10), ofMinutes(5)), ofSeconds(2)),
                section.get("fall", integer(1, 100), 3),
                section.get("rise", integer(1, 100), 2));
    }

    /** A few words for people. */
    String describe() {
        return "checked every %s, within %s; down after %d, up after %d"
                .formatted(Units.of(interval), Units.of(timeout), fall, rise);
    }
}
