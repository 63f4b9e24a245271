package dev.culvert.common.config;

import dev.culvert.mux.HostPort;
import io.netty.util.NetUtil;
import java.net.InetAddress;
import java.util.function.Function;

/** Traffic without TLS: it is asked for by name, and stays on the machine unless it is said to be insecure by name. */
public final class Plaintext {
    private Plaintext() {}

    /**
     * Addresses of this machine only, unless {@code insecure}. Names are not resolved.
     *
     * @param key where that is said, by its full path
     */
    public static Kind<HostPort> address(Kind<HostPort> kind, boolean insecure, String key) {
        return address(kind, address -> address, insecure, key);
    }

    /** The same, for what has an address. */
    public static <T> Kind<T> address(Kind<T> kind, Function<T, HostPort> address, boolean insecure, String key) {
        return kind.except(
                value -> !insecure && !isLoopback(address.apply(value).host()),
                "which is not a loopback address, and without encryption anybody on the way can read and change the"
                        + " traffic; remove tls = off, use 127.0.0.1, [::1] or localhost,"
                        + " or accept the risk with " + key + " = true");
    }

    /** Whether this is 127.0.0.0/8, ::1 or the name localhost. */
    static boolean isLoopback(String host) {
        InetAddress address = NetUtil.createInetAddressFromIpAddressString(host);
        return address == null ? host.equalsIgnoreCase("localhost") : address.isLoopbackAddress();
    }
}
