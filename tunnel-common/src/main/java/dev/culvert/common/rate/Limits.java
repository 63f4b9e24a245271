package dev.culvert.common.rate;

import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * All the limits that hold for a connection, the narrower ones first, as they are whenever somebody looks. Any thread.
 */
public final class Limits {
    public static final Limits NONE = new Limits(List.of(), true);

    private final List<Limit> limits;
    private final boolean fromSocketIsUp;

    private Limits(List<Limit> limits, boolean fromSocketIsUp) {
        this.limits = limits;
        this.fromSocketIsUp = fromSocketIsUp;
    }

    /** For a client, whose sockets are those of local programs. */
    public static Limits ofClient(Limit... limits) {
        return new Limits(List.of(limits), true);
    }

    /** For a server, whose sockets are those of targets. */
    public static Limits ofServer(Limit... limits) {
        return new Limits(List.of(limits), false);
    }

    /**
     * The same for a connection that the other side has accepted: its target is on this one, or the other way round.
     */
    public Limits otherWay() {
        return new Limits(limits, !fromSocketIsUp);
    }

    /** What limits the bytes that come from a socket. */
    public List<Bucket> fromSocket() {
        return buckets(fromSocketIsUp ? Limit::up : Limit::down);
    }

    /** What limits the bytes that go to a socket. */
    public List<Bucket> toSocket() {
        return buckets(fromSocketIsUp ? Limit::down : Limit::up);
    }

    private List<Bucket> buckets(Function<Limit, @Nullable Bucket> direction) {
        return limits.stream().map(direction).filter(Objects::nonNull).toList();
    }
}
