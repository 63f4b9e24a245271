package dev.culvert.mux;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import java.nio.charset.StandardCharsets;

/**
 * Type-length-value fields, as HELLO and SYN carry them: {@code TYPE(1) | LENGTH(2, little endian) | VALUE(LENGTH)}.
 */
final class Tlvs {
    /** Reads one field. */
    interface Reader {
        /** {@code value} holds exactly the field's bytes. */
        void field(int type, ByteBuf value) throws ProtocolViolation;
    }

    private Tlvs() {}

    /** Reads every field of {@code in}, in order. */
    static void read(ByteBuf in, Reader reader) throws ProtocolViolation {
        while (in.isReadable()) {
            if (in.readableBytes() < 3) {
                throw new ProtocolViolation("a TLV is cut short");
            }
            int type = in.readUnsignedByte();
            int length = in.readUnsignedShortLE();
            if (length > in.readableBytes()) {
                throw new ProtocolViolation(
                        "TLV " + type + " tells of " + length + " bytes, but " + in.readableBytes() + " are there");
            }
            reader.field(type, in.readSlice(length));
        }
    }

    static void write(ByteBuf out, int type, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        out.writeByte(type).writeShortLE(bytes.length).writeBytes(bytes);
    }

    static void write(ByteBuf out, int type, long unsignedInt) {
        out.writeByte(type).writeShortLE(4).writeIntLE((int) unsignedInt);
    }

    /** A number of four bytes, 0 to 2^32-1. */
    static long unsignedInt(int type, ByteBuf value) throws ProtocolViolation {
        checkLength(type, value, 4);
        return value.readUnsignedIntLE();
    }

    static void checkLength(int type, ByteBuf value, int bytes) throws ProtocolViolation {
        if (value.readableBytes() != bytes) {
            throw new ProtocolViolation("TLV " + type + " has " + bytes + " bytes, not " + value.readableBytes());
        }
    }

    /** Whether {@link #text} takes it. */
    static boolean isText(String text, int max) {
        return ByteBufUtil.utf8Bytes(text) <= max && text.codePoints().noneMatch(Character::isISOControl);
    }

    /** Printable text of at most {@code max} bytes: it will stand in logs. */
    static String text(int type, ByteBuf value, int max) throws ProtocolViolation {
        if (value.readableBytes() > max) {
            throw new ProtocolViolation("TLV " + type + " has at most " + max + " bytes, not " + value.readableBytes());
        }
        if (!ByteBufUtil.isText(value, StandardCharsets.UTF_8)) {
            throw new ProtocolViolation("TLV " + type + " is not UTF-8");
        }
        String text = value.toString(StandardCharsets.UTF_8);
        if (text.codePoints().anyMatch(Character::isISOControl)) {
            throw new ProtocolViolation("TLV " + type + " holds control characters");
        }
        return text;
    }
}
