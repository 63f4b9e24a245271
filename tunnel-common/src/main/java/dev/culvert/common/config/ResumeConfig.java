package dev.culvert.common.config;

import static dev.culvert.common.config.Kind.duration;
import static dev.culvert.common.config.Kind.size;
import static java.time.Duration.ZERO;
import static java.time.Duration.ofHours;
import static java.time.Duration.ofSeconds;

import dev.culvert.mux.MuxSettings;
import java.time.Duration;

/**
 * How a session outlives its link.
 *
 * @param window for so long it waits for another one, 0s to 24h; 0s: it ends with its link
 * @param buffer bytes of a session that are kept until the other side has them, 256 KiB to 1 GiB
 */
public record ResumeConfig(Duration window, long buffer) {
    /** Reads {@code window} and {@code buffer}. */
    public static ResumeConfig read(Section section) {
        return new ResumeConfig(
                section.get("window", duration(ZERO, ofHours(24)), ofSeconds(60)),
                section.get("buffer", size(256 << 10, 1 << 30), FlowConfig.DEFAULT_BUFFER));
    }

    /** The same, as a session takes it. */
    public MuxSettings.Resume forMux() {
        return new MuxSettings.Resume(window, (int) buffer);
    }

    /** A few words for people. */
    public String describe() {
        return window.isZero()
                ? "off: a session ends with its link"
                : "within %s of a lost link, from up to %s".formatted(Units.of(window), Units.of(buffer));
    }
}
