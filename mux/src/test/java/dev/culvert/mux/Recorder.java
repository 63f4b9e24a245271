package dev.culvert.mux;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/** Writes down what happens to a stream. Consumes at once, unless told not to. */
final class Recorder implements StreamListener, AutoCloseable {
    final StringBuilder events = new StringBuilder();
    final ByteBuf data = Unpooled.buffer();
    boolean consuming = true;
    int unconsumed;

    @Nullable MuxStream stream;

    MuxStream stream() {
        if (stream == null) {
            throw new IllegalStateException("no stream yet");
        }
        return stream;
    }

    void write(String text) {
        stream().write(ByteBufUtil.writeUtf8(ByteBufAllocator.DEFAULT, text));
    }

    void write(int bytes) {
        stream().write(ByteBufAllocator.DEFAULT.buffer(bytes).writeZero(bytes));
    }

    /** Gives credit for what was held back. */
    void consume() {
        int bytes = unconsumed;
        unconsumed = 0;
        stream().consumed(bytes);
    }

    String text() {
        return data.toString(StandardCharsets.UTF_8);
    }

    @Override
    public void onOpened(MuxStream opened) {
        events.append("opened ");
    }

    @Override
    public void onData(MuxStream from, ByteBuf bytes) {
        stream = from;
        int n = bytes.readableBytes();
        data.writeBytes(bytes);
        bytes.release();
        if (consuming) {
            from.consumed(n);
        } else {
            unconsumed += n;
        }
    }

    @Override
    public void onFin(MuxStream from) {
        stream = from;
        events.append("fin ");
    }

    @Override
    public void onReset(MuxStream from, ErrorCode code, String text) {
        stream = from;
        events.append("reset(").append(code).append(") ");
    }

    @Override
    public void onWritable(MuxStream from) {
        events.append("writable ");
    }

    @Override
    public void close() {
        data.release();
    }
}
