package dev.culvert.common.net;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.util.NetUtil;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;

/**
 * What a proxied connection begins with, so that the service knows who it is from: the PROXY protocol (HAProxy's
 * proxy-protocol.txt, sections 2.1 and 2.2), in text or in binary.
 */
public enum ProxyHeader {
    V1 {
        @Override
        ByteBuf write(byte[] from, int fromPort, byte[] to, int toPort) {
            return text("PROXY %s %s %s %d %d\r\n"
                    .formatted(
                            from.length == 4 ? "TCP4" : "TCP6",
                            NetUtil.bytesToIpAddress(from),
                            NetUtil.bytesToIpAddress(to),
                            fromPort,
                            toPort));
        }

        @Override
        ByteBuf unknown() {
            return text("PROXY UNKNOWN\r\n");
        }
    },
    V2 {
        @Override
        ByteBuf write(byte[] from, int fromPort, byte[] to, int toPort) {
            return binary(from.length == 4 ? OVER_IPV4 : OVER_IPV6, 2 * from.length + 4)
                    .writeBytes(from)
                    .writeBytes(to)
                    .writeShort(fromPort)
                    .writeShort(toPort);
        }

        @Override
        ByteBuf unknown() {
            return binary(UNSPECIFIED, 0);
        }
    };

    private static final byte[] SIGNATURE = "\r\n\r\n\0\r\nQUIT\n".getBytes(StandardCharsets.US_ASCII);
    /** Version 2, command PROXY. */
    private static final int PROXIED = 0x21;

    private static final int UNSPECIFIED = 0x00;
    /** With STREAM, as what follows. */
    private static final int OVER_IPV4 = 0x11;

    private static final int OVER_IPV6 = 0x21;

    /** The header of a connection; a few bytes to 60, the caller's to release. */
    public ByteBuf of(Origin origin) {
        InetSocketAddress from = origin.from();
        InetSocketAddress to = origin.to();
        if (from == null || to == null || from.isUnresolved() || to.isUnresolved()) {
            return unknown();
        }
        boolean ipv4 = isIpv4(from) && isIpv4(to);
        return write(bytes(from, ipv4), from.getPort(), bytes(to, ipv4), to.getPort());
    }

    abstract ByteBuf write(byte[] from, int fromPort, byte[] to, int toPort);

    /** Whoever has connected has no address. */
    abstract ByteBuf unknown();

    private static boolean isIpv4(InetSocketAddress address) {
        return address.getAddress().getAddress().length == 4;
    }

    /** Of one family with the other one: IPv4 as IPv6 maps it (RFC 4291, section 2.5.5.2). */
    private static byte[] bytes(InetSocketAddress address, boolean ipv4) {
        InetAddress ip = address.getAddress();
        byte[] bytes = ip.getAddress();
        if (ipv4 || bytes.length == 16) {
            return bytes;
        }
        byte[] mapped = new byte[16];
        mapped[10] = mapped[11] = (byte) 0xff;
        System.arraycopy(bytes, 0, mapped, 12, 4);
        return mapped;
    }

    private static ByteBuf text(String line) {
        return buffer().writeBytes(line.getBytes(StandardCharsets.US_ASCII));
    }

    private static ByteBuf binary(int over, int length) {
        return buffer().writeBytes(SIGNATURE).writeByte(PROXIED).writeByte(over).writeShort(length);
    }

    private static ByteBuf buffer() {
        return ByteBufAllocator.DEFAULT.ioBuffer(128);
    }

    /** As the configuration writes it. */
    @Override
    public String toString() {
        return name().toLowerCase(java.util.Locale.ROOT);
    }
}
