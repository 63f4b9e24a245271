package dev.culvert.common.net;

import dev.culvert.mux.HostPort;
import io.netty.util.NetUtil;
import java.net.Inet6Address;
import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/**
 * Where somebody may ask to listen: an address, or with {@code *} any, and ports. Immutable.
 *
 * <p>Nothing is resolved, and an address covers itself only: {@code 0.0.0.0} and {@code 127.0.0.1} are two.
 *
 * @param text as it was written
 * @param address null: any
 */
public record ListenRule(String text, @Nullable InetAddress address, int first, int last) {
    /**
     * Reads {@code 127.0.0.1:9000-9100}, {@code [::]:8080} or {@code *:*}.
     *
     * @throws IllegalArgumentException with a sentence on what is wrong
     */
    public static ListenRule parse(String text) {
        int colon = text.lastIndexOf(':');
        if (colon < 0) {
            throw new IllegalArgumentException("it has no ports");
        }
        PortRange ports = PortRange.parse(text.substring(colon + 1));
        String host = text.substring(0, colon);
        InetAddress address = host.equals("*") ? null : address(host);
        if (address == null && !host.equals("*")) {
            throw new IllegalArgumentException("'" + host + "' is neither an IP address nor *");
        }
        return new ListenRule(text, address, ports.first(), ports.last());
    }

    private static @Nullable InetAddress address(String host) {
        boolean six = host.startsWith("[") && host.endsWith("]");
        if (!six && host.indexOf(':') >= 0) {
            throw new IllegalArgumentException("write an IPv6 address in brackets, as in [::1]:9000");
        }
        return parseAddress(six ? host.substring(1, host.length() - 1) : host);
    }

    private static @Nullable InetAddress parseAddress(String text) {
        InetAddress address = NetUtil.createInetAddressFromIpAddressString(text);
        return address == null ? null : Network.plain(address);
    }

    /** Whether one may listen there: never at a name, and never at a port that the system picks. */
    public boolean covers(HostPort asked) {
        InetAddress literal = parseAddress(asked.host());
        return literal != null
                && (address == null || address.equals(literal))
                && first <= asked.port()
                && asked.port() <= last;
    }

    /**
     * The same place in the one spelling that whoever opens the socket reads as it is read here, which they do not for
     * others: the JDK takes {@code ::0.0.0.0} for {@code ::}. A name stays as it is.
     */
    public static HostPort normal(HostPort asked) {
        InetAddress literal = parseAddress(asked.host());
        if (literal == null) {
            return asked;
        }
        int zone = literal instanceof Inet6Address ? asked.host().indexOf('%') : -1;
        return new HostPort(
                NetUtil.toAddressString(literal) + (zone < 0 ? "" : asked.host().substring(zone)), asked.port());
    }

    @Override
    public String toString() {
        return text;
    }
}
