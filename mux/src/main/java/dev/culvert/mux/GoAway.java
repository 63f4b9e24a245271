package dev.culvert.mux;

import org.jspecify.annotations.Nullable;

/**
 * Which of the two sides has said GOAWAY, and whether streams may come all the same. No I/O; the caller brings the
 * time.
 *
 * <p>A peer that opens a stream while our GOAWAY is on its way could not know. So a PING follows it, the <em>last
 * call</em>: what comes before its answer was sent without that knowledge, and is taken; what comes after it is
 * refused.
 */
final class GoAway {
    /** What the peer has said. */
    record Heard(ErrorCode code, String text) {}

    /**
     * The PING that follows our GOAWAY.
     *
     * @param question its payload
     * @param until the peer is not waited for longer
     */
    private record LastCall(long question, long until) {}

    private boolean said;
    private @Nullable LastCall lastCall;
    private @Nullable Heard heard;

    /** We have said it. */
    void say() {
        said = true;
    }

    boolean isSaid() {
        return said;
    }

    /**
     * The last call begins. Returns the payload of its PING, which is none of those that {@link Liveness#asked} is
     * told.
     */
    long call(long now, long patience) {
        long question = ~now; // a probe asks for now
        lastCall = new LastCall(question, now + patience);
        return question;
    }

    /** Another connection carries the session. How long an answer takes there nobody knows yet. */
    void callAgain(long now) {
        if (lastCall != null) {
            lastCall = new LastCall(lastCall.question, now + RoundTrip.PATIENCE);
        }
    }

    /** A PONG has come. True: with it the last call is over. */
    boolean isAnswered(long payload) {
        return endCallIf(lastCall != null && payload == lastCall.question);
    }

    /** True: no answer has come in time, and the last call is over. */
    boolean isUnanswered(long now) {
        return endCallIf(lastCall != null && now >= lastCall.until);
    }

    private boolean endCallIf(boolean over) {
        if (over) {
            lastCall = null;
        }
        return over;
    }

    /** When {@link #isUnanswered} should be asked; {@link Long#MAX_VALUE} for no time. */
    long deadline() {
        return lastCall == null ? Long.MAX_VALUE : lastCall.until;
    }

    /** The peer has said it; once more, maybe, and then the last word counts. True for the first. */
    boolean hear(ErrorCode code, String text) {
        boolean first = heard == null;
        heard = new Heard(code, text);
        return first;
    }

    @Nullable Heard heard() {
        return heard;
    }

    /** Whether we may open streams. */
    boolean letsUsOpen() {
        return !said && heard == null;
    }

    /** Whether streams that the peer opens are taken. */
    boolean letsPeerOpen() {
        return !said || lastCall != null;
    }

    /** Whether the session has no use when its last stream has ended. */
    boolean isDraining() {
        return lastCall == null && (said || heard != null);
    }
}
