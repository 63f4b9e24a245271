package dev.culvert.server;

import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.MuxStream;
import dev.culvert.mux.StreamListener;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * The server's end of a stream that measures ({@code docs/protocol.md}, section 3): tells the clock, drops what comes,
 * and then sends zeros until the client has had enough. Event loop only.
 */
final class Probe implements StreamListener {
    /** A client measures for a second or two; nobody keeps the line busy with this. */
    private static final long LONGEST_SECONDS = 10;

    private static final ByteBuf ZEROS = Unpooled.unreleasableBuffer(
            Unpooled.directBuffer(32 << 10).writeZero(32 << 10).asReadOnly());

    private final Runnable whenEnded;
    private final Future<?> deadline;
    private boolean sending;

    private Probe(MuxStream stream, EventLoop loop, Runnable whenEnded) {
        this.whenEnded = whenEnded;
        deadline = loop.schedule(
                () -> {
                    stream.reset(ErrorCode.TIMEOUT, "a probe lasts no longer than " + LONGEST_SECONDS + " s");
                    whenEnded.run();
                },
                LONGEST_SECONDS,
                TimeUnit.SECONDS);
    }

    /**
     * Takes a stream that the client has opened.
     *
     * @param whenEnded run once
     */
    static void answer(MuxStream stream, EventLoop loop, Runnable whenEnded) {
        stream.accept();
        stream.write(Unpooled.buffer(Long.BYTES).writeLongLE(System.currentTimeMillis()));
        stream.attach(new Probe(stream, loop, whenEnded));
    }

    @Override
    public void onData(MuxStream stream, ByteBuf data) {
        stream.consumed(data.readableBytes());
        data.release();
    }

    @Override
    public void onFin(MuxStream stream) {
        sending = true;
        send(stream);
    }

    @Override
    public void onWritable(MuxStream stream) {
        if (sending) {
            send(stream);
        }
    }

    private static void send(MuxStream stream) {
        while (stream.isWritable()) {
            stream.write(ZEROS.duplicate());
        }
    }

    @Override
    public void onReset(MuxStream stream, ErrorCode code, String text) {
        if (deadline.cancel(false)) {
            whenEnded.run();
        }
    }
}
