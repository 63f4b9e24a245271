package dev.culvert.mux;

/**
 * What a stream holds in small slices. Each is a buffer of its own until it is consumed, and takes as much memory as some hundreds of bytes,
 * so it counts as that: else a peer that sends byte by byte to who does not read would fill the heap long before any budget. A few are free,
 * for who types.
 */
final class Crumbs {
    private static final int FREE = 16;
    /** Bytes that a slice counts for at least. */
    private static final int LEAST = 256;

    private int slices;
    private long extra;

    /** A slice of so many bytes has come. Returns for how many more it counts. */
    int add(int bytes) {
        if (bytes >= LEAST || ++slices <= FREE) {
            return 0;
        }
        extra += LEAST - bytes;
        return LEAST - bytes;
    }

    /** {@code bytes} of {@code held} bytes are consumed. Returns how much of what they counted for more goes with them. */
    long take(long bytes, long held) {
        if (bytes == held) {
            slices = 0;
        }
        long part = bytes == held ? extra : extra * bytes / held;
        extra -= part;
        return part;
    }

    /** Bytes that are counted, but are not there. */
    long extra() {
        return extra;
    }
}
