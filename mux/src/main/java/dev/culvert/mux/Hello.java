package dev.culvert.mux;

import io.netty.buffer.ByteBuf;
import org.jspecify.annotations.Nullable;

/**
 * What each side of a 0x82 session tells of itself, first of all; and what a connection begins with that is to carry a
 * session which another one has carried before.
 *
 * @param software name and version, for logs; at most 128 bytes
 * @param window bytes that the receiver of this HELLO may send on a stream before its first UPD
 * @param maxPayload largest PSH payload that the receiver of this HELLO may send, bytes; at least 1024
 * @param streams how many streams the receiver of this HELLO may have open at once
 * @param keeping null: the session ends with its link
 * @param token the session's, from a server that keeps it
 * @param resume the other session
 */
record Hello(
        String software,
        long window,
        int maxPayload,
        long streams,
        @Nullable Keeping keeping,
        @Nullable Token token,
        @Nullable Resume resume) {
    /** What smux takes for granted. */
    static final Hello NONE =
            new Hello("", SendWindow.STOCK_INITIAL, Frame.MAX_PAYLOAD, Integer.MAX_VALUE, null, null, null);

    private static final int SOFTWARE = 1;
    private static final int WINDOW = 2;
    private static final int MAX_PAYLOAD = 3;
    private static final int STREAMS = 4;
    private static final int KEEPING = 5;
    private static final int TOKEN = 6;
    private static final int RESUME = 7;
    private static final int MAX_SOFTWARE = 128;
    /** With less a peer could have us write, and keep, a frame for each byte. */
    private static final int LEAST_PAYLOAD = 1 << 10;

    private static final int LEAST_BUFFER = 1 << 10;

    /**
     * How a session is kept when its link is lost.
     *
     * @param millis for so long
     * @param buffer with so much of what the peer may not have, bytes; at least 1024
     */
    record Keeping(long millis, long buffer) {}

    /**
     * The session that this connection is to carry.
     *
     * @param received bytes of it that the sender of this HELLO has
     */
    record Resume(Token token, long received) {}

    static boolean isSoftware(String text) {
        return Tlvs.isText(text, MAX_SOFTWARE);
    }

    void write(ByteBuf out) {
        Tlvs.write(out, SOFTWARE, software);
        Tlvs.write(out, WINDOW, window);
        Tlvs.write(out, MAX_PAYLOAD, maxPayload);
        Tlvs.write(out, STREAMS, streams);
        if (keeping != null) {
            out.writeByte(KEEPING)
                    .writeShortLE(8)
                    .writeIntLE((int) keeping.millis)
                    .writeIntLE((int) keeping.buffer);
        }
        if (token != null) {
            out.writeByte(TOKEN).writeShortLE(Token.BYTES);
            token.write(out);
        }
        if (resume != null) {
            out.writeByte(RESUME).writeShortLE(Token.BYTES + 8);
            resume.token.write(out);
            out.writeLongLE(resume.received);
        }
    }

    /** Reads a HELLO; what it leaves out is as in {@link #NONE}. */
    static Hello read(ByteBuf payload) throws ProtocolViolation {
        var builder = new Object() {
            String software = NONE.software;
            long window = NONE.window;
            long maxPayload = NONE.maxPayload;
            long streams = NONE.streams;

            @Nullable Keeping keeping;

            @Nullable Token token;

            @Nullable Resume resume;
        };
        Tlvs.read(payload, (type, value) -> {
            switch (type) {
                case SOFTWARE -> builder.software = Tlvs.text(type, value, MAX_SOFTWARE);
                case WINDOW -> builder.window = Tlvs.unsignedInt(type, value);
                case MAX_PAYLOAD -> builder.maxPayload = Tlvs.unsignedInt(type, value);
                case STREAMS -> builder.streams = Tlvs.unsignedInt(type, value);
                case KEEPING -> {
                    Tlvs.checkLength(type, value, 8);
                    builder.keeping = new Keeping(value.readUnsignedIntLE(), value.readUnsignedIntLE());
                }
                case TOKEN -> {
                    Tlvs.checkLength(type, value, Token.BYTES);
                    builder.token = Token.read(value);
                }
                case RESUME -> {
                    Tlvs.checkLength(type, value, Token.BYTES + 8);
                    builder.resume = new Resume(Token.read(value), value.readLongLE());
                }
                default -> {} // a newer peer's
            }
        });
        if (builder.maxPayload < LEAST_PAYLOAD || builder.maxPayload > Frame.MAX_PAYLOAD) {
            throw new ProtocolViolation("HELLO names a largest payload of " + builder.maxPayload + " bytes");
        }
        if (builder.keeping != null && builder.keeping.buffer < LEAST_BUFFER) {
            throw new ProtocolViolation("HELLO names a buffer of " + builder.keeping.buffer + " bytes to resume from");
        }
        return new Hello(
                builder.software,
                builder.window,
                (int) builder.maxPayload,
                builder.streams,
                builder.keeping,
                builder.token,
                builder.resume);
    }
}
