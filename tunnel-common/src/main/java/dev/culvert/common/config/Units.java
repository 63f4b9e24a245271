package dev.culvert.common.config;

import java.time.Duration;

/** Durations and sizes as a configuration file writes them. */
public final class Units {
    private static final String SIZES = "kmg";

    private Units() {}

    /** A duration in the largest unit that needs no fraction: {@code 100ms}, {@code 90s}, {@code 2h}. */
    public static String of(Duration duration) {
        long seconds = duration.toSeconds();
        if (!duration.equals(Duration.ofSeconds(seconds))) {
            return duration.toMillis() + "ms";
        }
        if (seconds == 0 || seconds % 60 != 0) {
            return seconds + "s";
        }
        return seconds % 3600 == 0 ? seconds / 3600 + "h" : seconds / 60 + "m";
    }

    /** A number of bytes in the largest unit of 1024 that needs no fraction: {@code 32760}, {@code 64k}, {@code 4g}. */
    public static String of(long bytes) {
        String unit = "";
        long count = bytes;
        for (int i = 0; i < SIZES.length() && count != 0 && count % 1024 == 0; i++) {
            count /= 1024;
            unit = SIZES.substring(i, i + 1);
        }
        return count + unit;
    }
}
