package dev.culvert.mux;

import io.netty.buffer.ByteBuf;
import io.netty.util.NetUtil;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * What a 0x82 stream is opened for: the TLVs of its SYN. A stock stream carries none of it and has {@link #EMPTY}.
 *
 * @param target what to dial, or null where the peer knows
 * @param source the client that the stream is opened for, or null where it is not told
 * @param connectionId one name for the connection in the logs of both sides; at most 64 bytes, may be empty
 * @param forward the name of the forward; at most 64 bytes, may be empty
 * @param probe whether the stream is for measuring, and has no target
 */
public record OpenRequest(
        @Nullable HostPort target, @Nullable HostPort source, String connectionId, String forward, boolean probe) {
    /** A request that says nothing. */
    public static final OpenRequest EMPTY = new OpenRequest(null, null, "", "");

    /** For a stream to the server itself, which measures the way there and back. */
    public static final OpenRequest PROBE = new OpenRequest(null, null, "", "", true);

    private static final int TARGET = 1;
    private static final int SOURCE = 2;
    private static final int CONNECTION_ID = 3;
    private static final int FORWARD = 4;
    private static final int PROBE_TYPE = 5;
    private static final int MAX_NAME = 64;

    // The address types of RFC 1928, section 5.
    private static final int IPV4 = 1;
    private static final int DOMAIN = 3;
    private static final int IPV6 = 4;

    public OpenRequest {
        if (!Tlvs.isText(connectionId, MAX_NAME) || !Tlvs.isText(forward, MAX_NAME)) {
            throw new IllegalArgumentException(
                    "a connection id and a forward have at most " + MAX_NAME + " bytes and no control characters");
        }
    }

    /** A request for a stream that carries a connection. */
    public OpenRequest(@Nullable HostPort target, @Nullable HostPort source, String connectionId, String forward) {
        this(target, source, connectionId, forward, false);
    }

    void write(ByteBuf out) {
        if (target != null) {
            writeAddress(out, TARGET, target);
        }
        if (source != null) {
            writeAddress(out, SOURCE, source);
        }
        if (!connectionId.isEmpty()) {
            Tlvs.write(out, CONNECTION_ID, connectionId);
        }
        if (!forward.isEmpty()) {
            Tlvs.write(out, FORWARD, forward);
        }
        if (probe) {
            Tlvs.write(out, PROBE_TYPE, "");
        }
    }

    static OpenRequest read(ByteBuf payload) throws ProtocolViolation {
        var builder = new Object() {
            @Nullable HostPort target;

            @Nullable HostPort source;

            String connectionId = "";
            String forward = "";
            boolean probe;
        };
        Tlvs.read(payload, (type, value) -> {
            switch (type) {
                case TARGET -> builder.target = readAddress(type, value);
                case SOURCE -> builder.source = readAddress(type, value);
                case CONNECTION_ID -> builder.connectionId = Tlvs.text(type, value, MAX_NAME);
                case FORWARD -> builder.forward = Tlvs.text(type, value, MAX_NAME);
                case PROBE_TYPE -> builder.probe = true;
                default -> {} // a newer peer's
            }
        });
        return new OpenRequest(builder.target, builder.source, builder.connectionId, builder.forward, builder.probe);
    }

    private static void writeAddress(ByteBuf out, int type, HostPort address) {
        byte[] ip = NetUtil.createByteArrayFromIpAddressString(address.host());
        if (ip != null && NetUtil.bytesToIpAddress(ip).equals(address.host())) {
            out.writeByte(type).writeShortLE(1 + ip.length + 2);
            out.writeByte(ip.length == 4 ? IPV4 : IPV6).writeBytes(ip);
        } else {
            // A name. An address in another spelling, or with a zone, goes as one, too, and arrives as it was written.
            byte[] name = address.host().getBytes(StandardCharsets.US_ASCII);
            out.writeByte(type).writeShortLE(1 + 1 + name.length + 2);
            out.writeByte(DOMAIN).writeByte(name.length).writeBytes(name);
        }
        out.writeShort(address.port());
    }

    private static HostPort readAddress(int type, ByteBuf value) throws ProtocolViolation {
        int kind = value.isReadable() ? value.readUnsignedByte() : 0;
        int length = switch (kind) {
            case IPV4 -> 4;
            case IPV6 -> 16;
            case DOMAIN -> value.isReadable() ? value.readUnsignedByte() : 0;
            default -> throw new ProtocolViolation("TLV " + type + " has the unknown address type " + kind);
        };
        if (value.readableBytes() != length + 2) {
            throw new ProtocolViolation("TLV " + type + " is an address of the wrong length");
        }
        byte[] host = new byte[length];
        value.readBytes(host);
        int port = value.readUnsignedShort();
        try {
            return new HostPort(
                    kind == DOMAIN ? new String(host, StandardCharsets.US_ASCII) : NetUtil.bytesToIpAddress(host),
                    port);
        } catch (IllegalArgumentException e) {
            throw new ProtocolViolation("TLV " + type + ": " + e.getMessage());
        }
    }
}
