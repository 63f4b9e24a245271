package dev.culvert.common.net;

import dev.culvert.mux.Address;
import dev.culvert.mux.HostPort;
import io.netty.util.NetUtil;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/** Addresses that the kernel does not let two sockets listen on, and what users are told then. Nothing is resolved. */
public final class Overlap {
    private Overlap() {}

    /** Whether they are the same, or one is every address and has the other's port. */
    public static boolean of(Address one, Address other) {
        return one.equals(other)
                || (one instanceof HostPort a
                        && other instanceof HostPort b
                        && a.port() == b.port()
                        && (includes(a.host(), b.host()) || includes(b.host(), a.host())));
    }

    /** A reload cannot have {@code place} listen where {@code holder} still does. Addresses as they are shown. */
    public static String inTheWay(String place, String listen, String holder, String held) {
        return "%s: cannot listen on %s: %s listens on %s until then. Take another port, or restart."
                .formatted(place, listen, holder, held);
    }

    /** Two places of one configuration come to the same socket: a name and its address, which a file does not show. */
    public static String shared(String place, String listen, String first, String held) {
        return "%s: cannot listen on %s: that is where %s listens, on %s; give each its own address"
                .formatted(place, listen, first, held);
    }

    private static boolean includes(String all, String one) {
        InetAddress wide = address(all);
        InetAddress narrow = address(one);
        if (wide != null && wide.isAnyLocalAddress()) { // a socket on [::] takes what comes by IPv4, too
            return wide instanceof Inet6Address || narrow instanceof Inet4Address;
        }
        return wide != null && wide.equals(narrow) && all.indexOf('%') < 0; // a zone says on which interface it is
    }

    /** Null: a name. */
    private static @Nullable InetAddress address(String host) {
        return host.equalsIgnoreCase("localhost")
                ? NetUtil.LOCALHOST4
                : NetUtil.createInetAddressFromIpAddressString(host);
    }
}
