package dev.culvert.common.splice;

import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.LongAdder;

/** What has become of the datagrams of all flows of an agent so far. Any thread. */
public final class Datagrams {
    private final LongAdder fromSockets = new LongAdder();
    private final LongAdder toSockets = new LongAdder();
    private final Map<Loss, LongAdder> lost = new EnumMap<>(Loss.class);

    /** Why a datagram was dropped. */
    public enum Loss {
        /** More came than the session takes. */
        QUEUE_FULL,
        /** It has waited for the session for so long that it is worth nothing any more. */
        LATE,
        /** There is no session for a new flow. */
        NO_SESSION,
        /** The other side has just refused the flow of its sender. */
        REFUSED,
        /** Its flow has ended, a moment ago or while it waited. */
        ENDED,
        /** This agent begins no flows any more. */
        DRAINING,
        /** It is longer than UDP over IPv4 allows. */
        TOO_LARGE,
        /** The socket did not take it. */
        SOCKET,
        /** Nobody listens at the target: ICMP says so. */
        UNREACHABLE;

        /** In one word, for metrics. */
        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    Datagrams() {
        for (Loss loss : Loss.values()) {
            lost.put(loss, new LongAdder());
        }
    }

    /** Datagrams that came from the sockets of this side. */
    public long fromSockets() {
        return fromSockets.sum();
    }

    /** Datagrams that were given to the sockets of this side. */
    public long toSockets() {
        return toSockets.sum();
    }

    /** Datagrams that were dropped. */
    public long lost(Loss why) {
        return Objects.requireNonNull(lost.get(why)).sum();
    }

    void fromSocket() {
        fromSockets.increment();
    }

    void toSocket() {
        toSockets.increment();
    }

    /** One was dropped. */
    public void lose(Loss why) {
        Objects.requireNonNull(lost.get(why)).increment();
    }
}
