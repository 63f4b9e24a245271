package dev.culvert.common.config;

import static dev.culvert.common.config.Kind.offOr;
import static dev.culvert.common.config.Kind.size;
import static java.util.stream.Collectors.joining;

import java.util.Optional;
import java.util.stream.Stream;

/**
 * How many bytes a second may pass; the same words on both agents.
 *
 * @param up towards the targets, 1 KiB to 1 TiB; empty: any number
 * @param down from the targets, the same
 */
public record RateConfig(Optional<Long> up, Optional<Long> down) {
    public static final RateConfig OFF = new RateConfig(Optional.empty(), Optional.empty());

    /** Reads the section {@code rate} of {@code parent}. */
    public static RateConfig read(Section parent) {
        return parent.section("rate", rate -> new RateConfig(read(rate, "up"), read(rate, "down")));
    }

    private static Optional<Long> read(Section rate, String key) {
        return rate.get(key, offOr(size(1 << 10, 1L << 40)), Optional.empty());
    }

    /** A few words for people. */
    public String describe() {
        return equals(OFF)
                ? "off"
                : Stream.of(describe(up, "up"), describe(down, "down"))
                        .flatMap(Optional::stream)
                        .collect(joining(", ", "at most ", ""));
    }

    private static Optional<String> describe(Optional<Long> rate, String direction) {
        return rate.map(bytes -> Units.of(bytes) + "/s " + direction);
    }

    /** The same after a comma, or nothing where it is off. */
    public String describeUnlessOff() {
        return equals(OFF) ? "" : ", " + describe();
    }
}
