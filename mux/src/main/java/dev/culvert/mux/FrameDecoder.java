package dev.culvert.mux;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;

/**
 * Cuts the bytes of a connection into frames. Knows nothing of streams.
 *
 * <p>Payload is never copied and never awaited: what has arrived of a PSH is handed on at once as a retained slice of
 * the buffer that it came in. Only headers and control payloads, which are small and bounded, are put together from
 * pieces. So whatever a peer sends, a decoder holds at most {@value Frame#MAX_TLVS} bytes of it.
 */
final class FrameDecoder {
    private final ProtocolVersion version;
    private final byte[] header = new byte[Frame.HEADER];
    private int headerBytes;
    private int command;
    private int streamId;
    /** Payload bytes of the current frame still to come; the header is complete. */
    private int remaining;

    private boolean stopped;
    /** The pieces of a control payload that came in more than one. */
    private ByteBuf pieces = Unpooled.EMPTY_BUFFER;

    FrameDecoder(ProtocolVersion version) {
        this.version = version;
    }

    /**
     * Reads all of {@code in} (not released), or as much as comes before {@link #stop}, and reports what is complete.
     */
    void decode(ByteBuf in, FrameHandler handler) throws ProtocolViolation {
        while (in.isReadable() && !stopped) {
            if (headerBytes < Frame.HEADER) {
                readHeader(in);
                if (headerBytes < Frame.HEADER) {
                    return;
                }
                if (remaining == 0) {
                    headerBytes = 0;
                    if (command != Frame.PSH) {
                        handler.onControl(command, streamId, Unpooled.EMPTY_BUFFER);
                    }
                }
            } else if (command == Frame.PSH) {
                int n = Math.min(remaining, in.readableBytes());
                remaining -= n;
                if (remaining == 0) {
                    headerBytes = 0;
                }
                handler.onData(streamId, in.readRetainedSlice(n));
            } else {
                readControl(in, handler);
            }
        }
    }

    /** What follows the frame that is being reported is not for this decoder. */
    void stop() {
        stopped = true;
    }

    private void readHeader(ByteBuf in) throws ProtocolViolation {
        int n = Math.min(Frame.HEADER - headerBytes, in.readableBytes());
        in.readBytes(header, headerBytes, n);
        headerBytes += n;
        if (headerBytes < Frame.HEADER) {
            return;
        }
        int first = header[0] & 0xff;
        if (first != version.wire()) {
            throw new ProtocolViolation("a frame begins with 0x" + Integer.toHexString(first)
                    + ", but this session speaks " + version + " (0x" + Integer.toHexString(version.wire()) + ")");
        }
        command = header[1] & 0xff;
        remaining = (header[2] & 0xff) | (header[3] & 0xff) << 8;
        streamId = (header[4] & 0xff) | (header[5] & 0xff) << 8 | (header[6] & 0xff) << 16 | (header[7] & 0xff) << 24;
        checkLength();
    }

    private void checkLength() throws ProtocolViolation {
        boolean culvert = version == ProtocolVersion.CULVERT;
        boolean legal = switch (command) {
            case Frame.SYN -> remaining == 0 || (culvert && remaining <= Frame.MAX_TLVS);
            case Frame.FIN, Frame.NOP -> remaining == 0;
            case Frame.PSH -> true;
            case Frame.UPD -> version.hasWindows() && remaining == 8;
            case Frame.HELLO -> culvert && remaining <= Frame.MAX_TLVS;
            case Frame.OPENED -> culvert && remaining == 0;
            case Frame.RST, Frame.GOAWAY, Frame.CLOSE -> culvert && remaining >= 4 && remaining <= 4 + Frame.MAX_TEXT;
            case Frame.PING, Frame.PONG, Frame.ACK -> culvert && remaining == 8;
            default -> false;
        };
        if (!legal) {
            throw new ProtocolViolation(Frame.name(command) + " of " + remaining + " bytes is not legal in " + version);
        }
    }

    private void readControl(ByteBuf in, FrameHandler handler) throws ProtocolViolation {
        if (!pieces.isReadable() && in.readableBytes() >= remaining) {
            ByteBuf payload = in.readSlice(remaining);
            headerBytes = 0;
            handler.onControl(command, streamId, payload);
            return;
        }
        if (!pieces.isReadable()) {
            pieces = Unpooled.buffer(remaining);
        }
        int n = Math.min(remaining, in.readableBytes());
        pieces.writeBytes(in, n);
        remaining -= n;
        if (remaining == 0) {
            headerBytes = 0;
            ByteBuf payload = pieces;
            pieces = Unpooled.EMPTY_BUFFER; // an unpooled heap buffer: nothing to release
            handler.onControl(command, streamId, payload);
        }
    }
}
