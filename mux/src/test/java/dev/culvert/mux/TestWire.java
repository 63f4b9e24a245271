package dev.culvert.mux;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.ArrayDeque;

/** A connection without a channel: what the session sends waits here until the test moves it. */
final class TestWire implements Wire {
    final MuxSession session;
    final ArrayDeque<ByteBuf> sent = new ArrayDeque<>();
    boolean reading = true;
    boolean closed;
    int wakes;
    Runnable onSend = () -> {};

    TestWire(MuxSession session) {
        this.session = session;
    }

    /** Asks the session for one frame; false where it has none. */
    boolean pull() {
        return session.transmit(sent::add);
    }

    /** All frames that the session would send now, as one buffer, for the caller to release. */
    ByteBuf pullAll() {
        ByteBuf all = Unpooled.buffer();
        while (pull()) {
            // until it has no more
        }
        ByteBuf part;
        while ((part = sent.poll()) != null) {
            all.writeBytes(part);
            part.release();
        }
        return all;
    }

    @Override
    public void wake() {
        wakes++;
    }

    @Override
    public void send() {
        onSend.run();
    }

    @Override
    public void reading(boolean on) {
        reading = on;
    }

    @Override
    public void pass(ByteBuf in) {
        session.receive(in);
    }

    @Override
    public void close() {
        closed = true;
    }

    /** As a channel does it: what waits in it fails at once. */
    @Override
    public void drop() {
        closed = true;
        if (session.isCarriedBy(this)) {
            session.disconnected("what waited failed");
        }
    }
}
