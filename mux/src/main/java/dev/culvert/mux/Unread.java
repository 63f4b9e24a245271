package dev.culvert.mux;

/**
 * What has come by a stream and is not consumed, and the memory that it counts for. Each slice is a buffer of its own
 * until it is consumed, and takes as much memory as some hundreds of bytes, so it counts as that: else a peer that
 * sends byte by byte to one who does not read would fill the heap long before any budget. A few are free, for those who
 * type.
 */
final class Unread {
    private static final int FREE = 16;
    /** Bytes that a slice counts for at least. */
    private static final int LEAST = 256;

    /** In version 1, which has no windows, as many as a whole session may hold. */
    private long bytes;
    /** Those small ones that have come since there was nothing. */
    private int crumbs;
    /** Bytes that are counted, but are not there. */
    private long extra;

    /** A slice has come. Returns for how many bytes it counts. */
    int add(int slice) {
        bytes += slice;
        if (slice >= LEAST || ++crumbs <= FREE) {
            return slice;
        }
        extra += LEAST - slice;
        return LEAST;
    }

    /** So many of the bytes are consumed. Returns for how many they counted. */
    long take(long consumed) {
        if (consumed < bytes) {
            long part = extra * consumed / bytes;
            bytes -= consumed;
            extra -= part;
            return consumed + part;
        }
        long all = memory();
        bytes = 0;
        extra = 0;
        crumbs = 0;
        return all;
    }

    long bytes() {
        return bytes;
    }

    /** For how many bytes they count. */
    long memory() {
        return bytes + extra;
    }
}
