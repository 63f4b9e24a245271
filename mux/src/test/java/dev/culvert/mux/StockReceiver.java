package dev.culvert.mux;

import io.netty.buffer.ByteBuf;
import io.netty.util.concurrent.Ticker;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;

/**
 * A model of how the stock library receives in version 2, with its default sizes: it reads nothing more from the
 * connection while its streams hold a whole session's buffer, and it sends a UPD when a stream is read for the first
 * time, then for every half stream buffer. The session under test is its client.
 */
final class StockReceiver implements FrameHandler, AutoCloseable {
    static final int SESSION_BUFFER = 4 << 20;
    static final int STREAM_BUFFER = 64 << 10;

    final Pair.Peer us =
            new Pair.Peer(MuxSession.Role.CLIENT, MuxSettings.of(ProtocolVersion.SMUX_2), Ticker.newMockTicker());
    /** The most that its applications had not read, bytes. */
    long mostUnread;

    private final FrameDecoder decoder = new FrameDecoder(ProtocolVersion.SMUX_2);
    private final Map<Integer, Reader> readers = new HashMap<>();
    private final ArrayDeque<ByteBuf> updates = new ArrayDeque<>();
    private long unread;

    /** An application at the stock end. */
    final class Reader {
        private final int id;
        private int readsLeft;
        long received;
        private long consumed;
        private long announced;

        private Reader(int id, int reads) {
            this.id = id;
            readsLeft = reads;
        }

        /** Reads so many more times, and once at once if there is something. */
        void goOn(int reads) {
            readsLeft = reads;
            read();
        }

        private void read() {
            long bytes = received - consumed;
            if (readsLeft == 0 || bytes == 0) {
                return;
            }
            readsLeft--;
            boolean first = consumed == 0;
            consumed = received;
            unread -= bytes;
            if (first || consumed - announced >= STREAM_BUFFER / 2) {
                announced = consumed;
                updates.add(Frame.update(ProtocolVersion.SMUX_2, id, (int) consumed, STREAM_BUFFER));
            }
        }
    }

    StockReceiver() {
        us.session.attach(us.wire);
    }

    /** Opens a stream to an application that will read so many times, and writes to it. */
    Reader open(int reads, Recorder recorder, int bytes) {
        recorder.stream = us.session.open(OpenRequest.EMPTY, recorder);
        us.recorders.add(recorder);
        Reader reader = new Reader(recorder.stream().id(), reads);
        readers.put(reader.id, reader);
        recorder.write(bytes);
        return reader;
    }

    Reader open(int reads, int bytes) {
        return open(reads, new Recorder(), bytes);
    }

    /** Takes what the session under test sends, as long as the model reads at all. */
    void pump() {
        sendUpdates();
        while (unread < SESSION_BUFFER && us.session.transmit(this::take)) {
            mostUnread = Math.max(mostUnread, unread);
            sendUpdates();
        }
    }

    private void sendUpdates() {
        ByteBuf update;
        while ((update = updates.poll()) != null) {
            us.session.receive(update);
        }
    }

    private void take(ByteBuf buffer) {
        try {
            decoder.decode(buffer, this);
        } catch (ProtocolViolation e) {
            throw new AssertionError(e.text(), e);
        } finally {
            buffer.release();
        }
    }

    @Override
    public void onData(int id, ByteBuf data) {
        Reader reader = Objects.requireNonNull(readers.get(id));
        int bytes = data.readableBytes();
        data.release();
        reader.received += bytes;
        unread += bytes;
        reader.read();
    }

    @Override
    public void onControl(int command, int id, ByteBuf payload) {}

    @Override
    public void close() {
        us.session.disconnected("end of test");
        us.recorders.forEach(Recorder::close);
    }
}
