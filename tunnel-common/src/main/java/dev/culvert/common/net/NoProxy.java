package dev.culvert.common.net;

import dev.culvert.mux.HostPort;
import io.netty.util.NetUtil;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Which targets no proxy is used for, as the environment variable {@code NO_PROXY} has it. There is no standard; this
 * is what Go does (golang.org/x/net/http/httpproxy), and curl for the most part: names are not resolved, and what
 * cannot be read covers nothing.
 *
 * <table>
 * <caption>What can be written, with commas or spaces between</caption>
 * <tr><td>{@code example.com}</td><td>this name, and all below it</td></tr>
 * <tr><td>{@code .example.com}, {@code *.example.com}</td><td>all below it</td></tr>
 * <tr><td>{@code 10.0.0.1}, {@code [::1]}, {@code 10.0.0.0/8}</td><td>an address, a network</td></tr>
 * <tr><td>{@code example.com:7443}</td><td>only at this port</td></tr>
 * <tr><td>{@code *}</td><td>everything</td></tr>
 * </table>
 */
public record NoProxy(List<Entry> entries) {
    /** Covers nothing. */
    public static final NoProxy NONE = new NoProxy(List.of());

    private static final Entry LOCALHOST = new Entry(new HostPattern.Name("localhost"), 0);
    private static final Entry LOOPBACK = new Entry(Network.parse("127.0.0.0/8"), 0);
    private static final Entry LOOPBACK_6 = new Entry(Network.parse("::1"), 0);

    /** @param port 0: any */
    record Entry(HostPattern host, int port) {
        private boolean covers(HostPort target, @Nullable InetAddress address) {
            if (port != 0 && port != target.port()) {
                return false;
            }
            if (host instanceof Network network) {
                return address != null && network.contains(Network.plain(address));
            }
            if (host instanceof HostPattern.Name name) {
                return name.matches(target.host());
            }
            if (host instanceof HostPattern.Suffix suffix) {
                return suffix.matches(target.host());
            }
            return true;
        }
    }

    /** Reads the variable; loopback addresses are covered whatever it says. */
    public static NoProxy parse(String text) {
        List<Entry> entries = new ArrayList<>(List.of(LOCALHOST, LOOPBACK, LOOPBACK_6));
        for (String word : text.toLowerCase(Locale.ROOT).split("[,\\s]+", -1)) {
            try {
                add(word, entries);
            } catch (IllegalArgumentException e) {
                // it covers nothing
            }
        }
        return new NoProxy(List.copyOf(entries));
    }

    private static void add(String word, List<Entry> entries) {
        if (word.indexOf('/') >= 0 || NetUtil.isValidIpV6Address(word)) {
            entries.add(new Entry(Network.parse(word), 0));
            return;
        }
        int colon = word.endsWith("]") ? -1 : word.lastIndexOf(':');
        String host = colon < 0 ? word : word.substring(0, colon);
        int port = colon < 0 ? 0 : HostPort.parse("any" + word.substring(colon)).port();
        if (host.startsWith(".")) {
            host = "*" + host;
        }
        HostPattern pattern = HostPattern.parse(host);
        entries.add(new Entry(pattern, port));
        if (pattern instanceof HostPattern.Name name) {
            entries.add(new Entry(new HostPattern.Suffix("." + name.name()), port));
        }
    }

    /** Whether connections to {@code target} go there directly. */
    public boolean covers(HostPort target) {
        InetAddress address = NetUtil.createInetAddressFromIpAddressString(target.host());
        return entries.stream().anyMatch(entry -> entry.covers(target, address));
    }
}
