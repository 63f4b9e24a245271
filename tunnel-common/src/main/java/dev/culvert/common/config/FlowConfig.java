package dev.culvert.common.config;

import static dev.culvert.common.config.Kind.integer;
import static dev.culvert.common.config.Kind.size;

import dev.culvert.mux.MuxSettings;
import io.netty.util.internal.PlatformDependent;

/**
 * How much one session may hold in memory, and how its streams share that.
 *
 * @param buffer bytes that the streams of a session may hold together, 1 MiB to 4 GiB
 * @param maxWindow bytes that a stream may have under way, 128 KiB up to the whole buffer
 * @param frameSize payload bytes of a frame, 1024 to 65535
 */
public record FlowConfig(long buffer, long maxWindow, int frameSize) {
    /** Buffers are outside the heap, and the JVM limits what is there, too; a session may have a quarter of it. */
    static final long DEFAULT_BUFFER = Math.max(1 << 20, Math.min(64 << 20, PlatformDependent.maxDirectMemory() / 4));

    private static final int FIRST_WINDOW = 256 << 10;

    public FlowConfig {
        if (maxWindow > buffer) {
            throw new IllegalArgumentException(
                    "max-window (%s) must not exceed buffer (%s)".formatted(Units.of(maxWindow), Units.of(buffer)));
        }
    }

    /**
     * Reads {@code buffer}, {@code max-window} and {@code frame-size}. A smaller buffer makes the default window
     * smaller.
     */
    public static FlowConfig read(Section section) {
        long buffer = section.get("buffer", size(1 << 20, 4L << 30), DEFAULT_BUFFER);
        return new FlowConfig(
                buffer,
                // A quarter of a window may be consumed and not told yet; the rest has to take the longest datagram.
                section.get("max-window", size(128 << 10, 4L << 30), Math.min(16 << 20, buffer)),
                section.get("frame-size", integer(1024, 65535), 32760));
    }

    /** The same, as a session takes it. */
    public MuxSettings.Flow forMux() {
        int max = (int) Math.min(maxWindow, Integer.MAX_VALUE);
        return new MuxSettings.Flow(
                Math.min(FIRST_WINDOW, max), max, buffer, MuxSettings.Flow.DEFAULT.sendQueue(), frameSize);
    }

    /** A few words for people. */
    public String describe() {
        return "%s a session, %s a stream, frames of %s"
                .formatted(Units.of(buffer), Units.of(maxWindow), Units.of(frameSize));
    }
}
