package dev.culvert.common.net;

import io.netty.util.NetUtil;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;

/**
 * A network in CIDR notation (RFC 4632), or one address as the network of its full length.
 *
 * @param prefix never an IPv4-mapped IPv6 address
 * @param length how many leading bits count: 0 to 32, or to 128 for IPv6
 */
record Network(InetAddress prefix, int length) implements HostPattern {
    private static final Network NAT64 = parse("64:ff9b::/96");
    private static final Network SIX_TO_FOUR = parse("2002::/16");

    Network {
        int bits = bits(prefix);
        if (length > bits) {
            throw new IllegalArgumentException("a prefix of this family has at most " + bits + " bits");
        }
        if (value(prefix).getLowestSetBit() >= 0 && value(prefix).getLowestSetBit() < bits - length) {
            throw new IllegalArgumentException("the address has bits set behind its first " + length);
        }
    }

    /** Reads {@code 10.0.0.0/8}, {@code 2001:db8::/32}, or one address; no brackets. */
    static Network parse(String text) {
        int slash = text.indexOf('/');
        String host = slash < 0 ? text : text.substring(0, slash);
        InetAddress address = NetUtil.createInetAddressFromIpAddressString(host);
        if (address == null) {
            throw new IllegalArgumentException("'" + host + "' is not an IP address");
        }
        if (slash < 0) {
            return new Network(plain(address), bits(plain(address)));
        }
        String length = text.substring(slash + 1);
        if (!length.matches("[0-9]{1,3}")) {
            throw new IllegalArgumentException("the length of a prefix is a number, as in 10.0.0.0/8");
        }
        return new Network(plain(address), Integer.parseInt(length));
    }

    /** The address itself, or the IPv4 address which an IPv6 address maps (RFC 4291, section 2.5.5.2). */
    static InetAddress plain(InetAddress address) {
        try {
            return InetAddress.getByAddress(address.getAddress());
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException(e);
        }
    }

    /**
     * Where a translator or relay sends a {@link #plain} address: NAT64 (RFC 6052) and 6to4 (RFC 3056) carry one of
     * IPv4.
     */
    static InetAddress translated(InetAddress address) {
        int carriedAt = NAT64.contains(address) ? 12 : SIX_TO_FOUR.contains(address) ? 2 : -1;
        if (carriedAt < 0) {
            return address;
        }
        try {
            return InetAddress.getByAddress(Arrays.copyOfRange(address.getAddress(), carriedAt, carriedAt + 4));
        } catch (UnknownHostException e) {
            throw new IllegalArgumentException(e);
        }
    }

    /** Whether a {@link #plain} address is in this network. */
    boolean contains(InetAddress address) {
        int rest = bits(prefix) - length;
        return bits(address) == bits(prefix)
                && value(address).shiftRight(rest).equals(value(prefix).shiftRight(rest));
    }

    private static int bits(InetAddress address) {
        return address.getAddress().length * Byte.SIZE;
    }

    private static BigInteger value(InetAddress address) {
        return new BigInteger(1, address.getAddress());
    }
}
