package dev.culvert.common.net;

import dev.culvert.mux.Address;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.UnixPath;
import java.net.InetSocketAddress;

/**
 * One entry of an allow list: hosts and ports which may be dialled. Immutable.
 *
 * <table>
 * <caption>What can be written</caption>
 * <tr><td>{@code db.internal:5432}</td><td>a name; case and a trailing dot do not matter</td></tr>
 * <tr><td>{@code *.internal:443}</td><td>names with one or more labels in front</td></tr>
 * <tr><td>{@code 127.0.0.1:80}, {@code [::1]:80}</td><td>an address</td></tr>
 * <tr><td>{@code 10.0.0.0/8:443}, {@code [2001:db8::/32]:443}</td><td>a network</td></tr>
 * <tr><td>{@code *:443}</td><td>any host</td></tr>
 * <tr><td>{@code db.internal:8000-8100}, {@code db.internal:*}</td><td>some ports, all ports</td></tr>
 * <tr><td>{@code unix:/run/app.sock}, {@code unix:@app}</td><td>a unix socket, an abstract one</td></tr>
 * <tr><td>{@code unix:/run/app/*}</td><td>the sockets in a directory</td></tr>
 * <tr><td>{@code udp:10.0.0.53:53}, {@code udp:*.internal:161}</td><td>the same, for datagrams; no other rule covers those</td></tr>
 * </table>
 *
 * A rule alone does not decide: see {@link AllowList}.
 */
public final class AllowRule {
    private static final String UNIX = "unix:";
    /** In front of a rule for UDP, and of a target in logs. */
    public static final String UDP = "udp:";

    private final String text;
    private final HostPattern host;
    private final PortRange ports;
    /** It is for datagrams, and covers nothing before {@link #forDatagrams}. */
    private final boolean udp;

    private AllowRule(String text, HostPattern host, PortRange ports, boolean udp) {
        this.text = text;
        this.host = host;
        this.ports = ports;
        this.udp = udp;
    }

    /**
     * Reads a rule.
     *
     * @throws IllegalArgumentException with a sentence on what is wrong and what is expected
     */
    public static AllowRule parse(String text) {
        if (text.startsWith(UNIX)) {
            return unix(text);
        }
        boolean udp = text.startsWith(UDP);
        String rule = udp ? text.substring(UDP.length()) : text;
        int colon = rule.lastIndexOf(':');
        try {
            if (colon < 0 || rule.endsWith("]")) {
                throw new IllegalArgumentException("it has no ports");
            }
            return new AllowRule(
                    text, HostPattern.parse(rule.substring(0, colon)), PortRange.parse(rule.substring(colon + 1)), udp);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "'" + text + "' is not an allow rule: " + e.getMessage() + "; expected HOST:PORTS, as in"
                            + " db.internal:5432, *.internal:443, 10.0.0.0/8:8000-8100, [2001:db8::/32]:443, *:443, udp:10.0.0.53:53 or unix:/run/app.sock",
                    e);
        }
    }

    private static AllowRule unix(String text) {
        boolean directory = text.endsWith("/*");
        try {
            // With a name in the place of the star it has to be a path.
            UnixPath path = (UnixPath) Address.parse(directory ? text.substring(0, text.length() - 1) + "x" : text);
            String prefix = path.path().substring(0, path.path().length() - (directory ? 1 : 0));
            return new AllowRule(text, new HostPattern.Socket(prefix, directory), PortRange.ALL, false);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("'" + text + "' is not an allow rule: " + e.getMessage(), e);
        }
    }

    boolean isForDatagrams() {
        return udp;
    }

    /** The rule that decides about datagrams, if this one {@link #isForDatagrams}. */
    AllowRule forDatagrams() {
        return new AllowRule(text, host, ports, false);
    }

    /** Whether this rule covers a unix socket. */
    boolean matches(UnixPath path) {
        return host instanceof HostPattern.Socket socket && socket.matches(path);
    }

    /** Whether this rule covers the host as it was asked for: a name rule its names, {@code *} names and addresses. */
    public boolean matchesName(HostPort requested) {
        if (udp || !ports.contains(requested.port())) {
            return false;
        }
        if (host instanceof HostPattern.Name name) {
            return name.matches(requested.host());
        }
        if (host instanceof HostPattern.Suffix suffix) {
            return suffix.matches(requested.host());
        }
        return host instanceof HostPattern.Any;
    }

    /** Whether this rule is about addresses and covers this one; an IPv4-mapped IPv6 address is the IPv4 address. */
    public boolean matchesAddress(InetSocketAddress resolved) {
        return mayMatchAddress(resolved.getPort())
                && host instanceof Network network
                && network.contains(Network.plain(resolved.getAddress()));
    }

    /** Whether this rule is about addresses, and covers one of them at this port. */
    boolean mayMatchAddress(int port) {
        return !udp && host instanceof Network && ports.contains(port);
    }

    /** Whether this rule names {@code localhost}, and so the loopback addresses behind it. */
    boolean namesLocalhost() {
        return host instanceof HostPattern.Name name && name.name().equals("localhost");
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof AllowRule rule && host.equals(rule.host) && ports.equals(rule.ports) && udp == rule.udp;
    }

    @Override
    public int hashCode() {
        return 31 * (31 * host.hashCode() + ports.hashCode()) + Boolean.hashCode(udp);
    }

    /** The rule as it was written. */
    @Override
    public String toString() {
        return text;
    }
}
