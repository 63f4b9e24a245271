package dev.culvert.mux.example;

import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.MuxStream;
import dev.culvert.mux.SessionListener;
import dev.culvert.mux.StreamListener;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.nio.charset.StandardCharsets;
import java.util.random.RandomGenerator;

/** Answers every {@code RAND} on a stream with 8 big-endian bytes, until the client ends the stream. */
final class RandService implements SessionListener {
    static final byte[] REQUEST = "RAND".getBytes(StandardCharsets.US_ASCII);

    private final RandomGenerator random;

    RandService(RandomGenerator random) {
        this.random = random;
    }

    @Override
    public void onStream(MuxSession session, MuxStream stream) {
        stream.accept();
        stream.attach(new Requests());
    }

    @Override
    public void onClosed(MuxSession session, ErrorCode code, String text) {}

    /** The requests on one stream. A request may come in pieces, and several may come at once. */
    private final class Requests implements StreamListener {
        private int matched;

        @Override
        public void onData(MuxStream stream, ByteBuf data) {
            int bytes = data.readableBytes();
            while (data.isReadable()) {
                if (data.readByte() != REQUEST[matched]) {
                    stream.reset(ErrorCode.PROTOCOL_ERROR, "only RAND is understood");
                    break;
                }
                if (++matched == REQUEST.length) {
                    matched = 0;
                    stream.write(ByteBufAllocator.DEFAULT.buffer(Long.BYTES).writeLong(random.nextLong()));
                }
            }
            data.release();
            stream.consumed(bytes);
        }

        @Override
        public void onFin(MuxStream stream) {
            stream.shutdownOutput();
        }

        @Override
        public void onReset(MuxStream stream, ErrorCode code, String text) {}
    }
}
