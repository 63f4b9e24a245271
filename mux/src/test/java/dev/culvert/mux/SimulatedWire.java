package dev.culvert.mux;

import io.netty.buffer.ByteBuf;
import java.util.ArrayDeque;

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

    SimulatedWire(MuxSession session) {
        this.session = session;
    }

    boolean isReading() {
        return reading && !dropped;
    }

    /** Asks the session for one frame. */
    void pull() {
        if (!dropped && session.isCarriedBy(this)) {
            session.transmit(sent::add);
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
        if (dropped || !session.isCarriedBy(this)) {
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

    @Override
    public void drop() {
        dropped = true;
    }

    /** The other end is gone. */
    void tell(String text) {
        if (!dropped) {
            dropped = true;
            if (session.isCarriedBy(this)) {
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
