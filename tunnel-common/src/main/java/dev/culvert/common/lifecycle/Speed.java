package dev.culvert.common.lifecycle;

/**
 * How fast a session is, measured with a stream to the server itself.
 *
 * @param clockAheadMillis how far this machine's clock is ahead of the server's
 * @param up bytes per second to the server
 * @param down bytes per second from it
 */
public record Speed(long clockAheadMillis, double up, double down) {
    /** For people. */
    @Override
    public String toString() {
        return "%s to the server, %s from it, for a second each".formatted(megabits(up), megabits(down));
    }

    private static String megabits(double bytesPerSecond) {
        return "%.0f Mbit/s".formatted(bytesPerSecond * Byte.SIZE / 1e6);
    }
}
