package dev.culvert.mux;

import java.time.Duration;

/**
 * Tells when to prove that we live and whether the peer does: any byte from it is proof. No I/O; the caller brings the
 * time.
 *
 * <p>There is no verdict while we ourselves do not read, and after a tick that came late (the process was stopped, or
 * the event loop stuck) the peer gets one more interval: what it sent may still wait in the socket.
 */
final class Liveness {
    /** What a tick asks for. */
    enum Due {
        WAIT,
        PROVE,
        DEAD
    }

    private final long interval;
    private final long timeout;
    private final long handshakeTimeout;

    private long connectedAt;
    private boolean connected;
    private long heardAt;
    private long proveAt;
    private boolean asked;
    private long question;
    /** When the first PING was sent since which nothing has come. */
    private long askedAt;

    Liveness(MuxSettings.Keepalive keepalive, Duration handshakeTimeout, long now) {
        interval = keepalive.interval().toNanos();
        timeout = keepalive.timeout().toNanos();
        this.handshakeTimeout = handshakeTimeout.toNanos();
        heardAt = now;
    }

    void connected(long now) {
        connected = true;
        connectedAt = now;
        heardAt = now;
        proveAt = now + interval;
    }

    void heard(long now) {
        heardAt = now;
    }

    void up(long now) {
        heardAt = now;
        proveAt = now + interval;
    }

    /** A PING goes out, whose payload is the time. */
    void asked(long payload) {
        if (!asked || heardAt - askedAt >= 0) {
            askedAt = payload;
        }
        asked = true;
        question = payload;
    }

    /** Whether a PONG answers the last PING. */
    boolean isAnswer(long payload) {
        boolean answers = asked && payload == question;
        asked = asked && !answers;
        return answers;
    }

    /** Whether nothing at all has come since a PING that was sent longer than {@code patience} ago, ns. */
    boolean isSilent(long now, long patience) {
        return asked && heardAt - askedAt < 0 && now - askedAt > patience;
    }

    /** When the next tick is due; {@link Long#MAX_VALUE} before there is a connection. */
    long nextTick(boolean up) {
        if (!connected) {
            return Long.MAX_VALUE;
        }
        return up ? Math.min(proveAt, heardAt + timeout) : connectedAt + handshakeTimeout;
    }

    Due tick(long now, boolean up, boolean reading) {
        if (!connected) {
            return Due.WAIT;
        }
        if (!up) {
            return now - connectedAt >= handshakeTimeout ? Due.DEAD : Due.WAIT;
        }
        boolean late = now - nextTick(true) > interval;
        if (!reading) {
            heardAt = now;
        } else if (late) {
            heardAt = Math.max(heardAt, now - timeout + interval);
        }
        if (now - heardAt >= timeout) {
            return Due.DEAD;
        }
        if (now >= proveAt) {
            proveAt = now + interval;
            return Due.PROVE;
        }
        return Due.WAIT;
    }

    /** The sentence that goes with {@link Due#DEAD}. */
    String verdict(boolean up) {
        return up
                ? "nothing heard from the peer for " + Duration.ofNanos(timeout).toMillis() + " ms"
                : "the peer did not begin to speak within "
                        + Duration.ofNanos(handshakeTimeout).toMillis() + " ms";
    }
}
