package dev.culvert.common.net;

import dev.culvert.mux.Address;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.UnixPath;
import io.netty.util.NetUtil;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What may be dialled: whatever one of the rules covers, and nothing without a rule. It is asked twice: for the request
 * as it came, before the name is resolved, and for each address the name has led to, before that address is dialled.
 *
 * <p>A name is under the control of whoever runs its DNS zone, and {@code *} was hardly meant to include what listens
 * on this machine for itself. So name rules and {@code *} do not cover loopback, link-local, unspecified and multicast
 * addresses, nor those where clouds serve metadata and credentials, nor IPv6 addresses that a translator turns, or may
 * turn, into one of those. They need a rule that writes them as addresses:
 *
 * <table>
 * <caption>What each rule allows</caption>
 * <tr><th>rule</th><th>request</th><th>address</th><th></th></tr>
 * <tr><td>{@code db.internal:80}</td><td>{@code db.internal:80}</td><td>10.0.0.5</td><td>yes</td></tr>
 * <tr><td>{@code db.internal:80}</td><td>{@code db.internal:80}</td><td>127.0.0.1</td><td>no</td></tr>
 * <tr><td>{@code *:80}</td><td>{@code 10.0.0.5:80}</td><td>10.0.0.5</td><td>yes</td></tr>
 * <tr><td>{@code *:80}</td><td>{@code 127.0.0.1:80}</td><td>127.0.0.1</td><td>no</td></tr>
 * <tr><td>{@code *:80}</td><td>{@code localhost:80}</td><td>127.0.0.1</td><td>no</td></tr>
 * <tr><td>{@code localhost:80}</td><td>{@code localhost:80}</td><td>127.0.0.1</td><td>yes</td></tr>
 * <tr><td>{@code localhost:80}</td><td>{@code 127.0.0.1:80}</td><td>127.0.0.1</td><td>no</td></tr>
 * <tr><td>{@code 127.0.0.0/8:80}</td><td>any name, port 80</td><td>127.0.0.1</td><td>yes</td></tr>
 * <tr><td>{@code 0.0.0.0/0:80}</td><td>any name, port 80</td><td>169.254.169.254</td><td>yes: it was written</td></tr>
 * </table>
 *
 * @param rules in any order, all of them allow
 */
public record AllowList(List<AllowRule> rules) {
    public static final AllowList NOTHING = new AllowList(List.of());

    /**
     * Where AWS, the pods of its EKS, Google, Akamai, Alibaba, Azure and Oracle serve metadata and credentials;
     * 169.254.169.254 is link-local anyway. And what a network translates to IPv4 in its own way (RFC 8215), which may
     * be any of those.
     */
    private static final List<Network> SPECIAL = Stream.of(
                    "fd00:ec2::254",
                    "fd00:ec2::23",
                    "fd20:ce::254",
                    "fd00:a9fe:a9fe::1",
                    "100.100.100.200",
                    "168.63.129.16",
                    "192.0.0.192",
                    "64:ff9b:1::/48")
            .map(Network::parse)
            .toList();

    public AllowList {
        rules = List.copyOf(rules);
    }

    /**
     * Whether a request can be allowed at all. For a unix socket and for an address in text the answer is final; for a
     * name it is not before {@link #allows} was asked, and an address rule of the same port is enough to go and resolve
     * it.
     */
    public boolean mayMatch(Address target) {
        return target instanceof UnixPath path
                ? rules.stream().anyMatch(rule -> rule.matches(path))
                : mayMatch((HostPort) target);
    }

    private boolean mayMatch(HostPort requested) {
        InetAddress literal = NetUtil.createInetAddressFromIpAddressString(requested.host());
        if (literal != null) {
            return allows(requested, new InetSocketAddress(literal, requested.port()));
        }
        return rules.stream().anyMatch(rule -> rule.matchesName(requested) || rule.mayMatchAddress(requested.port()));
    }

    /** Whether a rule covers the host as it was asked for, which does not count for every address. */
    public boolean matchesName(HostPort requested) {
        return rules.stream().anyMatch(rule -> rule.matchesName(requested));
    }

    /** Whether a request which has led to this address may be dialled there. */
    public boolean allows(HostPort requested, InetSocketAddress resolved) {
        InetAddress address = Network.plain(resolved.getAddress());
        return rules.stream()
                .anyMatch(rule -> rule.matchesAddress(resolved)
                        || (rule.matchesName(requested) && reachableByName(address, rule)));
    }

    private static boolean reachableByName(InetAddress address, AllowRule rule) {
        if (address.isLoopbackAddress()) {
            return rule.namesLocalhost();
        }
        return isOrdinary(address) && isOrdinary(Network.translated(address));
    }

    private static boolean isOrdinary(InetAddress address) {
        return !address.isLoopbackAddress()
                && !address.isLinkLocalAddress()
                && !address.isAnyLocalAddress()
                && !address.isMulticastAddress()
                && SPECIAL.stream().noneMatch(network -> network.contains(address));
    }

    /** The list for datagrams, which no rule of this one covers: the rules that are for them. */
    public AllowList forDatagrams() {
        return new AllowList(rules.stream()
                .filter(AllowRule::isForDatagrams)
                .map(AllowRule::forDatagrams)
                .toList());
    }

    /** The rules as they were written. */
    @Override
    public String toString() {
        return rules.stream().map(AllowRule::toString).collect(Collectors.joining(", "));
    }
}
