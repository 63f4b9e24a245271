package dev.culvert.common.splice;

import dev.culvert.mux.ErrorCode;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.LongAdder;

/**
 * What the connections of one forward, of one client, have done so far. Any thread; the numbers of one moment need not
 * agree.
 */
public final class Tally {
    private final String forward;
    private final String client;
    private final LongAdder begun = new LongAdder();
    private final LongAdder fromSockets = new LongAdder();
    private final LongAdder toSockets = new LongAdder();
    private final LongAdder waited = new LongAdder();
    private final LongAdder retried = new LongAdder();
    private final LongAdder closed = new LongAdder();
    private final Map<ErrorCode, LongAdder> cutOff = new EnumMap<>(ErrorCode.class);

    Tally(String forward, String client) {
        this.forward = forward;
        this.client = client;
        for (ErrorCode code : ErrorCode.values()) {
            cutOff.put(code, new LongAdder());
        }
    }

    public String forward() {
        return forward;
    }

    /** The name of the client; empty: it has none, or this is the client. */
    public String client() {
        return client;
    }

    /** Connections, ended or not. */
    public long begun() {
        return begun.sum();
    }

    /** Connections that are there now. */
    public long live() {
        return Math.max(
                0,
                -closed.sum()
                        - cutOff.values().stream().mapToLong(LongAdder::sum).sum()
                        + begun.sum());
    }

    /** Bytes that came from the sockets of this side. */
    public long fromSockets() {
        return fromSockets.sum();
    }

    /** Bytes that were written to the sockets of this side. */
    public long toSockets() {
        return toSockets.sum();
    }

    /** How long connections have waited for limits, nanoseconds; each direction for itself. */
    public long waited() {
        return waited.sum();
    }

    /** How often a connection was taken to another session, because the one before had not processed it. */
    public long retried() {
        return retried.sum();
    }

    /** Connections that ended in good order. */
    public long closed() {
        return closed.sum();
    }

    /** Connections that were reset with this code. */
    public long cutOff(ErrorCode code) {
        return Objects.requireNonNull(cutOff.get(code)).sum();
    }

    void begin() {
        begun.increment();
    }

    void fromSocket(int bytes) {
        fromSockets.add(bytes);
    }

    void toSocket(int bytes) {
        toSockets.add(bytes);
    }

    void waited(long nanos) {
        waited.add(nanos);
    }

    void retry() {
        retried.increment();
    }

    void close() {
        closed.increment();
    }

    void reset(ErrorCode code) {
        Objects.requireNonNull(cutOff.get(code)).increment();
    }
}
