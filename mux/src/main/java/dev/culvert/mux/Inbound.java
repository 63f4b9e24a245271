package dev.culvert.mux;

import io.netty.buffer.ByteBuf;
import java.nio.charset.StandardCharsets;

/**
 * What the peer's frames say: reads their payloads, sees that each may come now, and tells the stream or the session.
 * What then happens is theirs to decide.
 */
final class Inbound implements FrameHandler {
    private final MuxSession session;
    private final StreamTable streams;
    /** Of the buffer that is being decoded, bytes. */
    private int capacity;

    Inbound(MuxSession session, StreamTable streams) {
        this.session = session;
        this.streams = streams;
    }

    /** The frames that come next are those in {@code in}. */
    void begin(ByteBuf in) {
        capacity = in.capacity();
    }

    @Override
    public void onData(int id, ByteBuf data) throws ProtocolViolation {
        if (!session.isUp() && !session.isClosed()) {
            data.release();
            throw new ProtocolViolation("PSH before HELLO");
        }
        MuxStream stream = streams.get(id);
        if (stream == null) {
            data.release(); // of a stream that has ended
            return;
        }
        stream.onData(data, capacity);
        session.memory().keepToBudget();
    }

    @Override
    public void onControl(int command, int id, ByteBuf payload) throws ProtocolViolation {
        if (session.isClosed()) {
            return;
        }
        if (!session.isUp() && command != Frame.HELLO && command != Frame.CLOSE) {
            throw new ProtocolViolation(Frame.name(command) + " before HELLO");
        }
        switch (command) {
            case Frame.HELLO -> session.onHello(payload);
            case Frame.SYN -> onSyn(id, payload);
            case Frame.NOP -> {} // has proved that the peer lives, as any byte does
            case Frame.PING -> session.onPing(payload.readLongLE());
            case Frame.PONG -> session.onPong(payload.readLongLE());
            case Frame.ACK -> session.onAck(payload.readLongLE());
            case Frame.GOAWAY -> session.onGoAway(code(payload), text(payload));
            case Frame.CLOSE -> session.onClose(code(payload), text(payload));
            default -> {
                MuxStream stream = streams.get(id);
                if (stream != null) { // else it has ended
                    onStreamControl(command, stream, payload);
                }
            }
        }
    }

    private void onSyn(int id, ByteBuf payload) throws ProtocolViolation {
        boolean stock = session.version().isStock();
        if (stock && streams.get(id) != null) {
            return; // as the stock library does
        }
        streams.checkPeerId(id, !stock);
        session.onOpen(id, stock ? OpenRequest.EMPTY : OpenRequest.read(payload));
        session.memory().keepToBudget();
    }

    private void onStreamControl(int command, MuxStream stream, ByteBuf payload) throws ProtocolViolation {
        switch (command) {
            case Frame.FIN -> stream.onFin();
            case Frame.UPD -> stream.onUpdate(payload.readIntLE(), payload.readUnsignedIntLE());
            case Frame.OPENED -> {
                if (!streams.isOurs(stream.id())) {
                    throw new ProtocolViolation("OPENED on " + stream + ", which the peer itself opened");
                }
                stream.onOpened();
            }
            case Frame.RST -> {
                stream.onReset(code(payload), text(payload));
                session.forget(stream);
            }
            default -> throw new ProtocolViolation("unexpected " + Frame.name(command));
        }
    }

    private static ErrorCode code(ByteBuf payload) {
        return ErrorCode.of(payload.readUnsignedIntLE());
    }

    /** What a peer writes into our logs: no control characters. */
    private static String text(ByteBuf payload) {
        return payload.toString(StandardCharsets.UTF_8).replaceAll("\\p{Cc}", "?");
    }
}
