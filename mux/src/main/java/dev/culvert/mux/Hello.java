package dev.culvert.mux;

import io.netty.buffer.ByteBuf;

/**
 * What each side of a 0x82 session tells of itself, first of all.
 *
 * @param software name and version, for logs; at most 128 bytes
 * @param window bytes that the receiver of this HELLO may send on a stream before its first UPD
 * @param maxPayload largest PSH payload that the receiver of this HELLO may send, bytes
 * @param streams how many streams the receiver of this HELLO may have open at once
 */
record Hello(String software, long window, int maxPayload, long streams) {
    private static final int SOFTWARE = 1;
    private static final int WINDOW = 2;
    private static final int MAX_PAYLOAD = 3;
    private static final int STREAMS = 4;
    private static final int MAX_SOFTWARE = 128;

    static boolean isSoftware(String text) {
        return Tlvs.isText(text, MAX_SOFTWARE);
    }

    void write(ByteBuf out) {
        Tlvs.write(out, SOFTWARE, software);
        Tlvs.write(out, WINDOW, window);
        Tlvs.write(out, MAX_PAYLOAD, maxPayload);
        Tlvs.write(out, STREAMS, streams);
    }

    /** Reads a HELLO; what it leaves out has the value that smux gives it. */
    static Hello read(ByteBuf payload) throws ProtocolViolation {
        var builder = new Object() {
            String software = "";
            long window = SendWindow.STOCK_INITIAL;
            long maxPayload = Frame.MAX_PAYLOAD;
            long streams = Integer.MAX_VALUE;
        };
        Tlvs.read(payload, (type, value) -> {
            switch (type) {
                case SOFTWARE -> builder.software = Tlvs.text(type, value, MAX_SOFTWARE);
                case WINDOW -> builder.window = Tlvs.unsignedInt(type, value);
                case MAX_PAYLOAD -> builder.maxPayload = Tlvs.unsignedInt(type, value);
                case STREAMS -> builder.streams = Tlvs.unsignedInt(type, value);
                default -> {} // a newer peer's
            }
        });
        if (builder.maxPayload < 1 || builder.maxPayload > Frame.MAX_PAYLOAD) {
            throw new ProtocolViolation("HELLO names a largest payload of " + builder.maxPayload + " bytes");
        }
        return new Hello(builder.software, builder.window, (int) builder.maxPayload, builder.streams);
    }
}
