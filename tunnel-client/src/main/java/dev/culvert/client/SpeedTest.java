package dev.culvert.client;

import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.MuxStream;
import dev.culvert.mux.OpenRequest;
import dev.culvert.mux.StreamListener;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.EventLoop;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * Measures a session with a stream to the server itself ({@code docs/protocol.md}, section 3): its clock, then how fast bytes go there,
 * then how fast they come back. Event loop only.
 */
final class SpeedTest implements StreamListener {
    private static final ByteBuf ZEROS = Unpooled.unreleasableBuffer(
            Unpooled.directBuffer(32 << 10).writeZero(32 << 10).asReadOnly());

    private final EventLoop loop;
    private final Duration eachWay;
    private final CompletableFuture<Result> result = new CompletableFuture<>();
    private final ByteBuf clock = Unpooled.buffer(Long.BYTES, Long.BYTES);

    private final long askedAt = System.nanoTime();
    private long begunAt;
    private long sent;
    private long turnedAt;
    private long received;
    private long clockAheadMillis;
    private boolean sending;

    /**
     * What was measured.
     *
     * @param clockAheadMillis how far this machine's clock is ahead of the server's
     * @param up bytes per second to the server
     * @param down bytes per second from it
     */
    record Result(long clockAheadMillis, double up, double down) {}

    private SpeedTest(EventLoop loop, Duration eachWay) {
        this.loop = loop;
        this.eachWay = eachWay;
    }

    /**
     * Begins. From any thread.
     *
     * @param loop that of the session
     * @return fails with a sentence if the server ends it too soon
     */
    static CompletableFuture<Result> run(MuxSession session, EventLoop loop, Duration eachWay) {
        SpeedTest test = new SpeedTest(loop, eachWay);
        loop.execute(() -> {
            if (session.isOpenable()) {
                session.open(OpenRequest.PROBE, test);
            } else {
                test.result.completeExceptionally(new IllegalStateException("the session takes no more streams"));
            }
        });
        return test.result;
    }

    private void begin(MuxStream stream) {
        begunAt = System.nanoTime();
        clockAheadMillis =
                System.currentTimeMillis() - TimeUnit.NANOSECONDS.toMillis(begunAt - askedAt) / 2 - clock.readLongLE();
        sending = true;
        after(() -> {
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
        if (turnedAt == 0) {
            turnedAt = System.nanoTime();
            after(() -> finish(stream));
        }
        received += bytes;
    }

    private void finish(MuxStream stream) {
        long now = System.nanoTime();
        double up = turnedAt - begunAt - (begunAt - askedAt);
        double down = now - turnedAt;
        double second = TimeUnit.SECONDS.toNanos(1);
        result.complete(new Result(clockAheadMillis, sent / up * second, received / down * second));
        stream.reset(ErrorCode.CANCELLED, "measured");
    }

    private void after(Runnable action) {
        loop.schedule(action, eachWay.toNanos(), TimeUnit.NANOSECONDS);
    }

    @Override
    public void onFin(MuxStream stream) {
        onReset(stream, ErrorCode.PROTOCOL_ERROR, "the server has ended it");
    }

    @Override
    public void onReset(MuxStream stream, ErrorCode code, String text) {
        sending = false;
        result.completeExceptionally(new IllegalStateException(code + ": " + text));
    }
}
