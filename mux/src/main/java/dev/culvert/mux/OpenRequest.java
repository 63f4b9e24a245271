package dev.culvert.mux;

import io.netty.buffer.ByteBuf;
import io.netty.util.NetUtil;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * What a 0x82 stream is opened for: the TLVs of its SYN. A stock stream carries none of it and has {@link #EMPTY}.
 *
 * @param kind what the stream carries
 * @param target what to dial, or null where the peer knows
 * @param source the client that the stream is opened for, or null where it is not told
 * @param connectionId one name for the connection in the logs of both sides; at most 64 bytes, may be empty
 * @param forward the name of the forward, or of the listener that is offered; at most 64 bytes, may be empty
 * @param process with {@link Kind#OFFER} the number of the process that offers, else 0
 * @param reserve with {@link Kind#OFFER} whether it is for when no other process of the client offers the same, else
 *     false
 */
public record OpenRequest(
        Kind kind,
        @Nullable Address target,
        @Nullable HostPort source,
        String connectionId,
        String forward,
        long process,
        boolean reserve) {
    /** A request that says nothing. */
    public static final OpenRequest EMPTY = new OpenRequest(null, null, "", "");

    /** For a stream to the server itself, which measures the way there and back. */
    public static final OpenRequest PROBE = new OpenRequest(Kind.PROBE, null, null, "", "");

    /** What a stream carries. */
    public enum Kind {
        /** The bytes of a connection. */
        CONNECTION,
        /** Datagrams, which go to the target by UDP: see docs/protocol.md, section 3. */
        DATAGRAMS,
        /** What measures the way to the server and back; there is no target. */
        PROBE,
        /**
         * Nothing: for as long as it is open the server listens, and opens streams to the client: see docs/protocol.md,
         * section 3.
         */
        OFFER
    }

    private static final int TARGET = 1;
    private static final int SOURCE = 2;
    private static final int CONNECTION_ID = 3;
    private static final int FORWARD = 4;
    private static final int PROBE_TYPE = 5;
    private static final int UNIX_TARGET = 6;
    private static final int DATAGRAMS = 7;
    private static final int OFFER = 8;
    private static final int RESERVE = 9;
    private static final int MAX_NAME = 64;

    // The address types of RFC 1928, section 5.
    private static final int IPV4 = 1;
    private static final int DOMAIN = 3;
    private static final int IPV6 = 4;

    public OpenRequest {
        process = kind == Kind.OFFER ? process : 0;
        reserve = kind == Kind.OFFER && reserve;
        if (!Tlvs.isText(connectionId, MAX_NAME) || !Tlvs.isText(forward, MAX_NAME)) {
            throw new IllegalArgumentException(
                    "a connection id and a forward have at most " + MAX_NAME + " bytes and no control characters");
        }
    }

    /** A request for a stream that carries what its kind says. */
    public OpenRequest(
            Kind kind, @Nullable Address target, @Nullable HostPort source, String connectionId, String forward) {
        this(kind, target, source, connectionId, forward, 0, false);
    }

    /** A request for a stream that carries a connection. */
    public OpenRequest(@Nullable Address target, @Nullable HostPort source, String connectionId, String forward) {
        this(Kind.CONNECTION, target, source, connectionId, forward);
    }

    /**
     * Offers to take the connections to a listener.
     *
     * @param listen where the server is to listen; null: at its own listener of that name
     * @param process tells the sessions of one process from those of another; any number
     * @param reserve only where no other process of this client does, or else instead of those
     */
    public static OpenRequest offer(String listener, @Nullable Address listen, long process, boolean reserve) {
        return new OpenRequest(Kind.OFFER, listen, null, "", listener, process, reserve);
    }

    void write(ByteBuf out) {
        if (target instanceof HostPort address) {
            writeAddress(out, TARGET, address);
        } else if (target instanceof UnixPath unix) {
            Tlvs.write(out, UNIX_TARGET, unix.path());
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
        switch (kind) {
            case PROBE -> Tlvs.write(out, PROBE_TYPE, "");
            case DATAGRAMS -> Tlvs.write(out, DATAGRAMS, "");
            case OFFER -> out.writeByte(OFFER).writeShortLE(Long.BYTES).writeLongLE(process);
            case CONNECTION -> {}
        }
        if (reserve) {
            Tlvs.write(out, RESERVE, "");
        }
    }

    static OpenRequest read(ByteBuf payload) throws ProtocolViolation {
        var builder = new Object() {
            Kind kind = Kind.CONNECTION;

            @Nullable Address target;

            @Nullable HostPort source;

            String connectionId = "";
            String forward = "";
            long process;
            boolean reserve;
        };
        Tlvs.read(payload, (type, value) -> {
            switch (type) {
                case TARGET -> builder.target = readAddress(type, value);
                case SOURCE -> builder.source = readAddress(type, value);
                case CONNECTION_ID -> builder.connectionId = Tlvs.text(type, value, MAX_NAME);
                case FORWARD -> builder.forward = Tlvs.text(type, value, MAX_NAME);
                case PROBE_TYPE -> builder.kind = Kind.PROBE;
                case UNIX_TARGET -> builder.target = readPath(type, value);
                case DATAGRAMS -> builder.kind = Kind.DATAGRAMS;
                case OFFER -> {
                    Tlvs.checkLength(type, value, Long.BYTES);
                    builder.kind = Kind.OFFER;
                    builder.process = value.readLongLE();
                }
                case RESERVE -> builder.reserve = true;
                default -> {} // a newer peer's
            }
        });
        return new OpenRequest(
                builder.kind,
                builder.target,
                builder.source,
                builder.connectionId,
                builder.forward,
                builder.process,
                builder.reserve);
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

    private static UnixPath readPath(int type, ByteBuf value) throws ProtocolViolation {
        try {
            return new UnixPath(Tlvs.text(type, value, UnixPath.MOST));
        } catch (IllegalArgumentException e) {
            throw new ProtocolViolation("TLV " + type + ": " + e.getMessage());
        }
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
