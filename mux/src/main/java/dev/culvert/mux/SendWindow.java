package dev.culvert.mux;

/**
 * How much a stream may send: smux version 2's window, seen from the sender. No I/O.
 *
 * <p>The receiver tells, in every UPD, how many bytes it has consumed since the stream began (mod 2^32) and how many
 * unconsumed ones it is ready to hold. An example with a window of 100:
 *
 * <pre>
 *   sent   consumed  window   in flight   available
 *     0        0       100         0         100
 *    80        0       100        80          20
 *   100        0       100       100           0     the sender waits
 *   100       60       100        40          60     UPD(60, 100)
 *   100       60        30        40           0     UPD(60, 30): shrunk below what is in flight, which is legal
 *   100      100        30         0          30     UPD(100, 30)
 * </pre>
 *
 * Source: smux stream.go, writeV2 and update.
 */
final class SendWindow {
    /** The window of a stock peer before its first UPD, bytes. */
    static final int STOCK_INITIAL = 262_144;

    private int sent;
    private int consumed;
    private int window;
    private boolean updated;

    SendWindow(long initial) {
        window = clamp(initial);
    }

    /** Bytes that were sent and that the receiver has not told consumed. */
    int inFlight() {
        return sent - consumed;
    }

    /** Bytes that may be sent now. */
    int available() {
        return Math.max(0, window - inFlight());
    }

    /** The window as the receiver told it last. */
    int window() {
        return window;
    }

    /** Whether the receiver has sent a UPD yet. */
    boolean updated() {
        return updated;
    }

    /** Whether a UPD will come as soon as all that is in flight has been read. */
    boolean owesUpdate() {
        return inFlight() > 0 && (!updated || inFlight() >= window / 2);
    }

    void sent(int bytes) {
        sent += bytes;
    }

    /**
     * Takes a UPD; one that is older than the last changes nothing: where several goroutines read a stream of the stock
     * library, each sends its own. Returns how many bytes it told consumed that the one before had not.
     */
    int update(int consumedTotal, long newWindow) throws ProtocolViolation {
        int progress = consumedTotal - consumed;
        if (progress < 0) {
            return 0;
        }
        if (progress > inFlight()) {
            throw new ProtocolViolation("UPD tells " + Integer.toUnsignedString(consumedTotal)
                    + " bytes consumed, after " + Integer.toUnsignedString(consumed) + " and with "
                    + Integer.toUnsignedString(sent) + " sent");
        }
        consumed = consumedTotal;
        window = clamp(newWindow);
        updated = true;
        return progress;
    }

    /** In-flight arithmetic is mod 2^32, so more than 2^31-1 cannot be told from a negative number. */
    private static int clamp(long window) {
        return (int) Math.min(window, Integer.MAX_VALUE);
    }
}
