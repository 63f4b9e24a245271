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

    private final SimulatedMemory memory;
    /** The session had nothing to send, and has not said since that it has: a connection would not ask. */
    private boolean asleep;
    /** What was kept then, if memory was short: that it is not any more nobody says before the next ACK. */
    private long keptForOthers;

    SimulatedWire(MuxSession session, SimulatedMemory memory) {
        this.session = session;
        this.memory = memory;
    }

    boolean isReading() {
        return reading && !dropped && arrival == null;
    }

    /** As {@link MuxConnection#carry} does; the session hears of it at {@link #arrive}. */
    void carry(MuxSession other, long peerHas) {
        arrival = () -> {
            session = other;
            other.resume(this, peerHas, () -> {});
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
        if (dropped || !session.isCarriedBy(this)) {
            return;
        }
        long kept = session.accounts().kept();
        if (asleep && kept >= keptForOthers) {
            return;
        }
        boolean moved = session.transmit(false, most, sent::add);
        if (moved && asleep) {
            throw new AssertionError(session + " has something to send, and has woken nobody");
        }
        if (moved) {
            asleep = false;
        } else if (!asleep && most == Integer.MAX_VALUE) {
            asleep = true;
            keptForOthers = memory.isTight() ? kept : Long.MAX_VALUE;
        }
    }

    @Override
    public void wake() {
        asleep = false;
    }

    @Override
    public void send() {
        asleep = false;
    }

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
