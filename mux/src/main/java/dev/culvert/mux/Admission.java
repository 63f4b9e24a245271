package dev.culvert.mux;

import org.jspecify.annotations.Nullable;

/** Which streams of the peer are taken: none when it should know of our GOAWAY, and no more than the limits say. */
final class Admission {
    /** Why one is not. */
    record Refusal(ErrorCode code, String text) {}

    private final MuxSettings.Limits limits;
    private final StreamTable streams;
    private final Outbound outbound;
    private final GoAway goAway;
    private final RateLimit opens;

    Admission(MuxSettings.Limits limits, StreamTable streams, Outbound outbound, GoAway goAway, long now) {
        this.limits = limits;
        this.streams = streams;
        this.outbound = outbound;
        this.goAway = goAway;
        opens = new RateLimit(now);
    }

    /** The peer asks for one more; null: it is taken. */
    @Nullable Refusal check(long now) {
        int backlog = outbound.backlog(streams.size());
        if (!goAway.letsPeerOpen()) {
            return new Refusal(ErrorCode.REFUSED, "this session takes no new streams");
        } else if (backlog > (long) limits.streams() + limits.replies()) {
            return limit(backlog + " frames wait for the peer to read them");
        } else if (streams.peers() >= limits.streams()) {
            return limit("more than " + streams.peers() + " streams in a session");
        } else if (!opens.tryTake(limits.opensPerSecond(), now)) {
            return limit("more than " + limits.opensPerSecond() + " streams opened in a second");
        }
        return null;
    }

    private static Refusal limit(String text) {
        return new Refusal(ErrorCode.LIMIT_REACHED, text);
    }
}
