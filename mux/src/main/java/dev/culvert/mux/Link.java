package dev.culvert.mux;

import io.netty.buffer.ByteBuf;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What carries the bytes of a session: one connection, or, where both sides keep the session, one after another.
 * Between two of them the link is lost, and the session waits. What must not be lost with it is with the
 * {@link Resumption}; without that, a session ends with its first connection.
 */
final class Link {
    /** The connection that carries the session; while the link is lost, the one that did: it still keeps the time. */
    private @Nullable Wire wire;
    /** Null: the session ends with its link. */
    private @Nullable Resumption resumption;
    /** Null: the link is not lost. */
    private @Nullable Loss loss;
    /** What the connection has to begin with, if it is not the first; no part of the session's own bytes. */
    private @Nullable ByteBuf greeting;

    private boolean reading = true;
    private boolean awaitsAck;
    private long receivedBytes;
    private long sentBytes;

    /**
     * Why the link is lost, since when, on the session's clock, and for how long the session waits for another one, ns.
     */
    record Loss(String reason, long at, long window) {
        long deadline() {
            return at + window;
        }

        /** The sentence that goes with a link which has not come back. */
        String verdict() {
            return reason + "; it did not come back within " + TimeUnit.NANOSECONDS.toMillis(window) + " ms";
        }
    }

    // ---- the connection

    void attach(Wire first) {
        wire = first;
    }

    void detach() {
        wire = null;
    }

    boolean isAttached() {
        return wire != null;
    }

    boolean isCarriedBy(Wire some) {
        return wire == some;
    }

    /** See {@link Wire#wake}, as with all that are named so; without a connection nothing happens. */
    void wake() {
        if (wire != null) {
            wire.wake();
        }
    }

    void send() {
        if (wire != null) {
            wire.send();
        }
    }

    void pass(ByteBuf in) {
        if (wire != null) {
            wire.pass(in);
        } else {
            in.release();
        }
    }

    void close() {
        if (wire != null) {
            wire.close();
        }
    }

    void drop() {
        if (wire != null) {
            wire.drop();
        }
    }

    void reading(boolean on) {
        if (reading != on && wire != null) {
            reading = on;
            wire.reading(on);
        }
    }

    boolean isReading() {
        return reading;
    }

    // ---- what comes

    /** So many bytes have come. */
    void receive(int bytes) {
        receivedBytes += bytes;
        if (resumption != null && resumption.owesAck(receivedBytes, false)) {
            wake();
        }
    }

    /** Bytes that have come. */
    long receivedBytes() {
        return receivedBytes;
    }

    /** The ACK that is due, which it is sooner where it can go {@code along} with a UPD; null for none. */
    @Nullable ByteBuf nextAck(boolean along) {
        return resumption != null && resumption.owesAck(receivedBytes, along) ? resumption.ack(receivedBytes) : null;
    }

    /** An ACK, if that is news to the peer; else null. */
    @Nullable ByteBuf news() {
        return resumption != null && resumption.hasNews(receivedBytes) ? resumption.ack(receivedBytes) : null;
    }

    // ---- what goes

    /** What comes before anything new where the connection is not the session's first; null for nothing. */
    @Nullable ByteBuf nextAgain() {
        if (greeting != null) {
            ByteBuf first = greeting;
            greeting = null;
            return first;
        }
        return resumption == null ? null : resumption.nextAgain();
    }

    /** For what is new: {@code out}, and what it gets is kept where it may have to be sent again. */
    Consumer<ByteBuf> keeping(Consumer<ByteBuf> out) {
        return resumption == null ? out : resumption.keeping(out);
    }

    /** Whether no new data should be sent before the peer has acknowledged some. Its next ACK wakes who was told so. */
    boolean isFull() {
        awaitsAck = resumption != null && resumption.isFull();
        return awaitsAck;
    }

    /** So many bytes have gone. */
    void sent(int bytes) {
        sentBytes += bytes;
    }

    /** Bytes that have gone. */
    long sentBytes() {
        return sentBytes;
    }

    /** The peer has so many bytes of the session. */
    void acknowledge(long total) throws ProtocolViolation {
        if (resumption == null) {
            throw new ProtocolViolation("ACK in a session that is not kept");
        }
        resumption.acknowledge(total);
        if (awaitsAck) { // it need not be full still: others may have given memory back
            awaitsAck = false;
            wake();
        }
    }

    // ---- from one connection to the next

    /** From the next byte on the session is kept; null: it is not. */
    void keep(@Nullable Resumption newResumption) {
        resumption = newResumption;
    }

    /** What names the session to who resumes it; empty where it ends with its link. */
    Optional<Token> token() {
        return Optional.ofNullable(resumption).map(Resumption::token);
    }

    /** Whether the session goes on if the link is lost. */
    boolean mayBeLost() {
        return resumption != null && resumption.isPossible();
    }

    void lose(String reason, long now) {
        if (resumption != null) {
            loss = new Loss(reason, now, resumption.window());
        }
    }

    boolean isLost() {
        return loss != null;
    }

    /** Null while the link is not lost. */
    @Nullable Loss loss() {
        return loss;
    }

    /**
     * {@code newWire} is the connection from now on, if that can be; the peer has so many bytes of the session.
     *
     * @return what a server has to {@link #greet} the peer with; null: it cannot be, and nothing has changed
     */
    Hello.@Nullable Resume resume(Wire newWire, long peerHas) {
        if (resumption == null || !resumption.resume(peerHas, receivedBytes)) {
            return null;
        }
        loss = null;
        Wire before = wire;
        wire = newWire;
        if (before != null) {
            before.drop(); // not sooner: what still waited in it fails, which is no loss of the link any more
        }
        return new Hello.Resume(resumption.token(), receivedBytes);
    }

    /** The connection begins with this. Takes {@code frame}. */
    void greet(ByteBuf frame) {
        if (greeting != null) {
            greeting.release();
        }
        greeting = frame;
    }

    /** The session ends with its link from now on. */
    void giveUp() {
        if (resumption != null) {
            resumption.giveUp();
            wake(); // what waited for an ACK need not any more
        }
    }

    /** Nothing is sent any more. */
    void end() {
        if (resumption != null) {
            resumption.end();
        }
        loss = null;
        if (greeting != null) {
            greeting.release();
            greeting = null;
        }
    }
}
