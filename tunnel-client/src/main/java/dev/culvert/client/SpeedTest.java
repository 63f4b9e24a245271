package dev.culvert.client;

import dev.culvert.common.lifecycle.Speed;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.MuxStream;
import dev.culvert.mux.OpenRequest;
import dev.culvert.mux.StreamListener;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.EventLoop;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * Measures a session with a stream to the server itself ({@code docs/protocol.md}, section 3): its clock, then how fast
 * bytes go there, then how fast they come back. Event loop only.
 */
final class SpeedTest implements StreamListener {
    private static final ByteBuf ZEROS = Unpooled.unreleasableBuffer(
            Unpooled.directBuffer(32 << 10).writeZero(32 << 10).asReadOnly());

    private static final long EACH_WAY_MILLIS = 1_000;
    private static final long PATIENCE_MILLIS = 10_000;

    private final EventLoop loop;
    private final CompletableFuture<Speed> result = new CompletableFuture<>();
    private final ByteBuf clock = Unpooled.buffer(Long.BYTES, Long.BYTES);

    private final long askedAt;
    private long begunAt;
    private long sent;
    private long turnedAt;
    private long received;
    private long clockAheadMillis;
    private boolean sending;

    private SpeedTest(EventLoop loop) {
        this.loop = loop;
        askedAt = loop.ticker().nanoTime();
    }

    /**
     * Begins. From any thread.
     *
     * @param loop that of the session
     * @return fails with a sentence if the server cannot, or ends it too soon
     */
    static CompletableFuture<Speed> run(MuxSession session, EventLoop loop) {
        SpeedTest test = new SpeedTest(loop);
        loop.execute(() -> {
            if (session.isUp() && session.version().isStock()) {
                test.fail("stock smux has no words for that");
            } else if (!session.isOpenable()) {
                test.fail("the session takes no more streams");
            } else {
                MuxStream stream = session.open(OpenRequest.PROBE, test);
                test.after(PATIENCE_MILLIS, () -> test.giveUp(stream));
            }
        });
        return test.result;
    }

    private void begin(MuxStream stream) {
        begunAt = loop.ticker().nanoTime();
        clockAheadMillis =
                System.currentTimeMillis() - TimeUnit.NANOSECONDS.toMillis(begunAt - askedAt) / 2 - clock.readLongLE();
        sending = true;
        after(EACH_WAY_MILLIS, () -> {
            sending = false;
            stream.shutdownOutput();
        });
        send(stream);
    }

    private void send(MuxStream stream) {
        while (sending && stream.isWritable()) {
            stream.write(ZEROS.duplicate());
            sent += ZEROS.readableBytes();
        }
    }

    @Override
    public void onWritable(MuxStream stream) {
        send(stream);
    }

    @Override
    public void onData(MuxStream stream, ByteBuf data) {
        int bytes = data.readableBytes();
        if (clock.isWritable()) {
            data.readBytes(clock, Math.min(clock.writableBytes(), data.readableBytes()));
            if (!clock.isWritable()) {
                begin(stream);
            }
        }
        if (data.isReadable()) {
            receive(stream, data.readableBytes());
        }
        data.release();
        stream.consumed(bytes);
    }

    /** The first bytes after the clock say that all of ours have arrived. */
    private void receive(MuxStream stream, int bytes) {
        if (received == 0) {
            turnedAt = loop.ticker().nanoTime();
            after(EACH_WAY_MILLIS, () -> finish(stream));
        }
        received += bytes;
    }

    private void finish(MuxStream stream) {
        long now = loop.ticker().nanoTime();
        // What was sent first took half a round trip to get there, and the answer half of one back.
        double up = turnedAt - begunAt - (begunAt - askedAt);
        double down = now - turnedAt;
        double second = TimeUnit.SECONDS.toNanos(1);
        result.complete(new Speed(clockAheadMillis, sent / up * second, received / down * second));
        stream.reset(ErrorCode.CANCELLED, "measured");
    }

    private void after(long millis, Runnable action) {
        loop.schedule(action, millis, TimeUnit.MILLISECONDS);
    }

    private void giveUp(MuxStream stream) {
        if (!result.isDone()) {
            fail("no answer in time");
            stream.reset(ErrorCode.TIMEOUT, "not measured in time");
        }
    }

    private void fail(String reason) {
        sending = false;
        result.completeExceptionally(new IllegalStateException(reason));
    }

    @Override
    public void onFin(MuxStream stream) {
        fail("the server has ended it");
    }

    @Override
    public void onReset(MuxStream stream, ErrorCode code, String text) {
        fail(code + ": " + text);
    }
}
