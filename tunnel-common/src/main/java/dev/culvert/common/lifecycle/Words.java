package dev.culvert.common.lifecycle;

import java.time.Duration;
import java.util.List;

/** Numbers for people. */
final class Words {
    private Words() {}

    /** With three digits or so. */
    static String bytes(long bytes) {
        double value = (double) bytes;
        for (String unit : List.of(" B", " kB", " MB", " GB")) {
            if (value < 1000) {
                return (unit.equals(" B") || value >= 100 ? "%.0f%s" : "%.1f%s").formatted(value, unit);
            }
            value /= 1000;
        }
        return "%.1f TB".formatted(value);
    }

    /** Bytes in a second. */
    static String rate(long bytes) {
        return bytes(bytes) + "/s";
    }

    static String millis(long micros) {
        return micros == 0 ? "" : "%.1f ms".formatted(micros / 1000.0);
    }

    static String time(long millis) {
        Duration time = Duration.ofMillis(millis);
        if (time.toDays() > 0) {
            return time.toDays() + "d" + time.toHoursPart() + "h";
        }
        if (time.toHours() > 0) {
            return time.toHours() + "h" + time.toMinutesPart() + "m";
        }
        return time.toMinutes() > 0 ? time.toMinutes() + "m" + time.toSecondsPart() + "s" : time.toSeconds() + "s";
    }

    /** A name at an address, or the address alone. */
    static String at(String name, String address) {
        return name.isEmpty() ? address : name + "@" + address;
    }
}
