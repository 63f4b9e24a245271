package dev.culvert.mux;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.util.concurrent.MockTicker;
import io.netty.util.concurrent.Ticker;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A peer that sends what the test likes, frame by frame, and writes down what the session under test sends to it. */
final class RawPeer implements FrameHandler, AutoCloseable {
    final MockTicker clock = Ticker.newMockTicker();
    /** The end under test. */
    final Pair.Peer us;
    /** What it has sent at the last {@link #read}, as in {@code PSH 3 [100]} or {@code UPD 3 100/262144}. */
    final List<String> frames = new ArrayList<>();

    private final ProtocolVersion version;
    private final FrameDecoder decoder;

    /** {@code role} is that of the session under test. The session is up. */
    RawPeer(MuxSession.Role role, MuxSettings settings) {
        this(role, settings, true);
    }

    RawPeer(MuxSession.Role role, MuxSettings settings, boolean handshake) {
        this(role, settings, handshake, SharedBudget.unbounded());
    }

    /** One of several whose sessions under test share their memory. */
    RawPeer(MuxSession.Role role, MuxSettings settings, SharedBudget shared) {
        this(role, settings, true, shared);
    }

    RawPeer(MuxSession.Role role, MuxSettings settings, boolean handshake, SharedBudget shared) {
        us = new Pair.Peer(role, settings, shared, clock);
        version = settings.versions().iterator().next();
        decoder = new FrameDecoder(version);
        us.session.attach(us.wire);
        if (handshake) {
            if (version == ProtocolVersion.CULVERT) {
                hello();
            } else {
                empty(Frame.NOP, 0);
            }
            read();
        }
    }

    static ByteBuf zeros(int bytes) {
        return ByteBufAllocator.DEFAULT.buffer(bytes).writeZero(bytes);
    }

    void send(ByteBuf frame) {
        us.session.receive(frame);
    }

    void empty(int command, int id) {
        send(Frame.empty(version, command, id));
    }

    /** A frame whose payload is given byte by byte. */
    void raw(int command, int id, int... payload) {
        ByteBuf frame = ByteBufAllocator.DEFAULT.buffer();
        Frame.writeHeader(frame, version, command, payload.length, id);
        for (int value : payload) {
            frame.writeByte(value);
        }
        send(frame);
    }

    void hello() {
        hello(null, null, null);
    }

    /** One of a peer that resumes sessions. */
    void hello(Hello.@Nullable Keeping keeping, @Nullable Token token, Hello.@Nullable Resume resume) {
        send(helloFrame(keeping, token, resume));
    }

    ByteBuf helloFrame(Hello.@Nullable Keeping keeping, @Nullable Token token, Hello.@Nullable Resume resume) {
        ByteBuf tlvs = ByteBufAllocator.DEFAULT.buffer();
        new Hello("raw", SendWindow.STOCK_INITIAL, Frame.MAX_PAYLOAD, 1_000_000, keeping, token, resume).write(tlvs);
        ByteBuf frame = Frame.withTlvs(version, Frame.HELLO, 0, tlvs);
        tlvs.release();
        return frame;
    }

    void syn(int id) {
        empty(Frame.SYN, id);
    }

    void fin(int id) {
        empty(Frame.FIN, id);
    }

    void psh(int id, int bytes) {
        int left = bytes;
        while (left > 0) {
            int n = Math.min(left, 32_768);
            ByteBuf frame = ByteBufAllocator.DEFAULT.buffer(Frame.HEADER + n);
            Frame.writeHeader(frame, version, Frame.PSH, n, id);
            send(frame.writeZero(n));
            left -= n;
        }
    }

    void upd(int id, int consumed, int window) {
        send(Frame.update(version, id, consumed, window));
    }

    void ping(long payload) {
        send(Frame.number(version, Frame.PING, payload));
    }

    void pong(long payload) {
        send(Frame.number(version, Frame.PONG, payload));
    }

    void ack(long total) {
        send(Frame.number(version, Frame.ACK, total));
    }

    void rst(int id, ErrorCode code, String text) {
        send(Frame.farewell(version, Frame.RST, id, code, text));
    }

    void goAway(ErrorCode code, String text) {
        send(Frame.farewell(version, Frame.GOAWAY, 0, code, text));
    }

    /** Has the session under test open a stream and write to it. */
    Recorder open(int bytes) {
        Recorder recorder = new Recorder();
        us.recorders.add(recorder);
        recorder.stream = us.session.open(OpenRequest.EMPTY, recorder);
        recorder.write(bytes);
        return recorder;
    }

    /** The frames that the session has sent meanwhile. */
    List<String> read() {
        frames.clear();
        while (us.session.transmit(this::take)) {
            // until it has no more
        }
        return frames;
    }

    /** The same, of a session whose bulk waits. */
    List<String> readLittle() {
        frames.clear();
        while (us.session.transmit(true, Integer.MAX_VALUE, this::take)) {
            // until it has no more
        }
        return frames;
    }

    /** The next frame that the session sends. */
    String readOne() {
        frames.clear();
        us.session.transmit(this::take);
        return frames.get(0);
    }

    private void take(ByteBuf buffer) {
        try {
            decoder.decode(buffer, this);
        } catch (ProtocolViolation e) {
            throw new AssertionError("the session under test broke the protocol: " + e.text(), e);
        } finally {
            buffer.release();
        }
    }

    @Override
    public void onData(int id, ByteBuf data) {
        frames.add("PSH " + id + " [" + data.readableBytes() + "]");
        data.release();
    }

    @Override
    public void onControl(int command, int id, ByteBuf payload) {
        String rest = switch (command) {
            case Frame.UPD -> " " + payload.readUnsignedIntLE() + "/" + payload.readUnsignedIntLE();
            case Frame.ACK -> " " + payload.readLongLE();
            case Frame.RST, Frame.GOAWAY, Frame.CLOSE ->
                " " + ErrorCode.of(payload.readUnsignedIntLE()) + ": " + payload.toString(StandardCharsets.UTF_8);
            default -> "";
        };
        frames.add(Frame.name(command) + " " + id + rest);
    }

    /** Lets time pass with a live peer, so that only what the test is about comes due. */
    void pass(Duration time) {
        Duration step = Duration.ofSeconds(1);
        for (Duration left = time; !left.isNegative() && !left.isZero(); left = left.minus(step)) {
            clock.advance(step.toNanos(), TimeUnit.NANOSECONDS);
            empty(Frame.NOP, 0);
            us.session.tick();
        }
    }

    /** Lets a short time pass. */
    void pass(int millis) {
        clock.advance(millis, TimeUnit.MILLISECONDS);
        us.session.tick();
    }

    @Override
    public void close() {
        us.session.disconnected("end of test");
        us.recorders.forEach(Recorder::close);
    }
}
