package dev.culvert.mux;

import io.netty.util.NetUtil;
import java.net.InetSocketAddress;
import java.util.regex.Pattern;

/**
 * A host, by name or by address, and a port. Nothing is resolved.
 *
 * @param host a DNS name or an IP address in text, IPv6 without brackets; 1 to 255 ASCII characters
 * @param port 1 to 65535, or 0 where a listener may pick a free one
 */
public record HostPort(String host, int port) implements Address {
    /** The longest host the RFC 1928 address form can carry. */
    private static final int MAX_HOST = 255;

    private static final Pattern PORT = Pattern.compile("[0-9]{1,5}");

    public HostPort {
        if (host.isEmpty() || host.length() > MAX_HOST) {
            throw new IllegalArgumentException("a host has 1 to " + MAX_HOST + " characters, not " + host.length());
        }
        for (int i = 0; i < host.length(); i++) {
            char c = host.charAt(i);
            if (c <= ' ' || c >= 0x7f || c == '[' || c == ']') {
                throw new IllegalArgumentException(
                        "a host is printable ASCII without spaces and brackets (IDNA for other scripts)");
            }
        }
        if (host.indexOf(':') >= 0 && !NetUtil.isValidIpV6Address(host)) {
            throw new IllegalArgumentException("'" + host + "' is neither a host name nor an IPv6 address");
        }
        if (port < 0 || port > 65535) {
            throw new IllegalArgumentException("a port is a number from 0 to 65535, not " + port);
        }
    }

    /** Reads {@code host:port}, {@code 192.0.2.1:port} or {@code [2001:db8::1]:port}. */
    public static HostPort parse(String text) {
        if (text.contains("://") && !text.startsWith("[")) { // which a zone of IPv6 may have
            throw new IllegalArgumentException("expected HOST:PORT and nothing else, found '" + text + "'");
        }
        int colon = text.lastIndexOf(':');
        if (colon <= 0 || colon == text.length() - 1) {
            throw new IllegalArgumentException("expected HOST:PORT, found '" + text + "'");
        }
        String host = text.substring(0, colon);
        if (host.startsWith("[") && host.endsWith("]")) {
            host = host.substring(1, host.length() - 1);
            if (host.indexOf(':') < 0) {
                throw new IllegalArgumentException("brackets are for IPv6 addresses, as in [2001:db8::1]:443");
            }
        } else if (host.indexOf(':') >= 0) {
            throw new IllegalArgumentException("write an IPv6 address in brackets, as in [2001:db8::1]:443");
        }
        return new HostPort(host, parsePort(text.substring(colon + 1)));
    }

    /** The address in text, for logs and open requests. */
    public static HostPort of(InetSocketAddress address) {
        return new HostPort(
                address.isUnresolved() ? address.getHostString() : NetUtil.toAddressString(address.getAddress()),
                address.getPort());
    }

    private static int parsePort(String text) {
        if (!PORT.matcher(text).matches()) { // parseInt would take a sign, and the digits of other scripts
            throw new IllegalArgumentException("a port is a number from 0 to 65535, not '" + text + "'");
        }
        return Integer.parseInt(text);
    }

    /** {@code host:port}, with brackets around an IPv6 address. */
    @Override
    public String toString() {
        return host.indexOf(':') >= 0 ? "[" + host + "]:" + port : host + ":" + port;
    }
}
