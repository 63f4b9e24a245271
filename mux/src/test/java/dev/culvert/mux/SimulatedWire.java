package dev.culvert.mux;

import io.netty.buffer.ByteBuf;
import java.util.ArrayDeque;
import org.jspecify.annotations.Nullable;

/** One end of a connection in a {@link Simulation}. */
final class SimulatedWire implements Wire {
    /** Whom it carries. */
    MuxSession session;
    /** On its way to the other end. */
    final ArrayDeque<ByteBuf> sent = new ArrayDeque<>();

    private boolean reading = true;
    /** The session has said its last word. */
    boolean finished;
    /** Closed here: nobody hears what comes, and nobody speaks. */
    boolean dropped;
    /** On its way to the event loop of another session: what happens there. */
    private @Nullable Runnable arrival;

    SimulatedWire(MuxSession session) {
        this.session = session;
    }

    boolean isReading() {
        return reading && !dropped && arrival == null;
    }

    /** As {@link MuxConnection#carry} does; the session hears of it at {@link #arrive}. */
    void carry(MuxSession other, long peerHas) {
        arrival = () -> {
            session = other;
            other.resume(this, peerHas);
            if (other.isCarriedBy(this) && other.isLost()) {
                throw new AssertionError("carried, and lost all the same: " + other);
            }
        };
    }

    void arrive() {
        Runnable due = arrival;
        arrival = null;
        if (due != null && !dropped) {
            due.run();
        }
    }

    /** Asks the session for one frame, with so many bytes of a stream at most. */
    void pull(int most) {
        if (!dropped && session.isCarriedBy(this)) {
            session.transmit(sent::add, most);
        }
    }

    @Override
    public void wake() {}

    @Override
    public void send() {}

    @Override
    public void reading(boolean on) {
        reading = on;
    }

    @Override
    public void pass(ByteBuf in) {
        if (dropped || arrival != null || !session.isCarriedBy(this)) {
            in.release();
        } else {
            session.receive(in);
        }
    }

    @Override
    public void close() {
        while (session.transmit(sent::add)) {
            // until the last word
        }
        finished = true;
    }

    /** As a channel does it: what waits in it fails at once. */
    @Override
    public void drop() {
        tell("what waited failed");
    }

    /** The other end is gone. */
    void tell(String text) {
        if (!dropped) {
            dropped = true;
            if (arrival == null && session.isCarriedBy(this)) {
                session.disconnected(text);
            }
        }
    }

    /** What was on its way is lost. */
    void empty() {
        sent.forEach(ByteBuf::release);
        sent.clear();
    }

    void end() {
        empty();
        dropped = true;
        if (session.isCarriedBy(this)) {
            session.disconnected("end of test");
        }
    }
}
