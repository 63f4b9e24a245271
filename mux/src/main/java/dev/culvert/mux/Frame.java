package dev.culvert.mux;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;

/**
 * The frame: what stands on the wire, and how it is written.
 *
 * <pre>
 * VERSION(1) | CMD(1) | LENGTH(2, little endian) | STREAMID(4, little endian) | DATA(LENGTH)
 * </pre>
 *
 * Source: smux frame.go; the commands from 0x10 are Culvert's own. {@code docs/protocol.md} specifies them all.
 */
final class Frame {
    /** Bytes of the header. */
    static final int HEADER = 8;
    /** Most payload that LENGTH can tell. */
    static final int MAX_PAYLOAD = 65535;

    static final int SYN = 0;
    static final int FIN = 1;
    static final int PSH = 2;
    static final int NOP = 3;
    static final int UPD = 4;
    static final int HELLO = 0x10;
    static final int OPENED = 0x11;
    static final int RST = 0x12;
    static final int GOAWAY = 0x13;
    static final int PING = 0x14;
    static final int PONG = 0x15;
    static final int ACK = 0x16;
    static final int CLOSE = 0x17;

    /** Most bytes of TLVs in a HELLO or a SYN. */
    static final int MAX_TLVS = 4096;
    /** Most bytes of text in a RST, a GOAWAY or a CLOSE; longer text is cut. */
    static final int MAX_TEXT = 1024;
    /** What no text has in it. */
    private static final Pattern CONTROL = Pattern.compile("\\p{Cc}");

    private Frame() {}

    /** What to call a command in a message to people. */
    static String name(int command) {
        return switch (command) {
            case SYN -> "SYN";
            case FIN -> "FIN";
            case PSH -> "PSH";
            case NOP -> "NOP";
            case UPD -> "UPD";
            case HELLO -> "HELLO";
            case OPENED -> "OPENED";
            case RST -> "RST";
            case GOAWAY -> "GOAWAY";
            case PING -> "PING";
            case PONG -> "PONG";
            case ACK -> "ACK";
            case CLOSE -> "CLOSE";
            default -> "command 0x" + Integer.toHexString(command);
        };
    }

    static void writeHeader(ByteBuf out, ProtocolVersion version, int command, int length, int streamId) {
        out.writeByte(version.wire());
        out.writeByte(command);
        out.writeShortLE(length);
        out.writeIntLE(streamId);
    }

    /** Of a whole frame. */
    static int command(ByteBuf frame) {
        return frame.getUnsignedByte(frame.readerIndex() + 1);
    }

    /** Of a whole frame, an unsigned number. */
    static int streamId(ByteBuf frame) {
        return frame.getIntLE(frame.readerIndex() + 4);
    }

    /** Writes the header into the eight bytes before {@code payload}, and makes it part of it. */
    static void prependHeader(ByteBuf payload, ProtocolVersion version, int command, int streamId) {
        int start = payload.readerIndex() - HEADER;
        payload.setByte(start, version.wire());
        payload.setByte(start + 1, command);
        payload.setShortLE(start + 2, payload.readableBytes());
        payload.setIntLE(start + 4, streamId);
        payload.readerIndex(start);
    }

    /** A frame without payload. */
    static ByteBuf empty(ProtocolVersion version, int command, int streamId) {
        ByteBuf frame = ByteBufAllocator.DEFAULT.ioBuffer(HEADER, HEADER);
        writeHeader(frame, version, command, 0, streamId);
        return frame;
    }

    static ByteBuf update(ProtocolVersion version, int streamId, int consumed, int window) {
        ByteBuf frame = ByteBufAllocator.DEFAULT.ioBuffer(HEADER + 8, HEADER + 8);
        writeHeader(frame, version, UPD, 8, streamId);
        frame.writeIntLE(consumed);
        frame.writeIntLE(window);
        return frame;
    }

    /** A PING, a PONG or an ACK. */
    static ByteBuf number(ProtocolVersion version, int command, long payload) {
        ByteBuf frame = ByteBufAllocator.DEFAULT.ioBuffer(HEADER + 8, HEADER + 8);
        writeHeader(frame, version, command, 8, 0);
        frame.writeLongLE(payload);
        return frame;
    }

    /** A RST, a GOAWAY or a CLOSE. */
    static ByteBuf farewell(ProtocolVersion version, int command, int streamId, ErrorCode code, String text) {
        byte[] bytes = CONTROL.matcher(text).replaceAll("?").getBytes(StandardCharsets.UTF_8);
        int length = Math.min(bytes.length, MAX_TEXT);
        while (length < bytes.length && (bytes[length] & 0xC0) == 0x80) { // in the middle of a character
            length--;
        }
        ByteBuf frame = ByteBufAllocator.DEFAULT.ioBuffer(HEADER + 4 + length);
        writeHeader(frame, version, command, 4 + length, streamId);
        frame.writeIntLE(code.code());
        frame.writeBytes(bytes, 0, length);
        return frame;
    }

    /** A SYN or a HELLO with TLVs. {@code tlvs} is read, not released. */
    static ByteBuf withTlvs(ProtocolVersion version, int command, int streamId, ByteBuf tlvs) {
        int length = tlvs.readableBytes();
        if (length > MAX_TLVS) {
            throw new IllegalArgumentException(
                    name(command) + " carries at most " + MAX_TLVS + " bytes, not " + length);
        }
        ByteBuf frame = ByteBufAllocator.DEFAULT.ioBuffer(HEADER + length);
        writeHeader(frame, version, command, length, streamId);
        frame.writeBytes(tlvs);
        return frame;
    }
}
