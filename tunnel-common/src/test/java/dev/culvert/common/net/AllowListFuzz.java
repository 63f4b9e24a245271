package dev.culvert.common.net;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.culvert.mux.Address;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.UnixPath;
import io.netty.util.NetUtil;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Allow lists, requests and addresses that a coverage-guided fuzzer thinks of, decided once more by the book.
 *
 * <p>An input is a text: a line for each rule, then the request, then the address that it has led to, which a unix
 * socket has not.
 */
class AllowListFuzz {
    @FuzzTest(maxDuration = "60s")
    void aNameNeverLeadsToWhatOnlyAnAddressMayAllow(byte[] input) throws UnknownHostException {
        List<String> lines = List.of(new String(input, StandardCharsets.UTF_8).split("\n", -1));
        if (lines.size() < 2) {
            return;
        }
        List<AllowRule> rules = new ArrayList<>();
        for (String line : lines.subList(0, lines.size() - 2)) {
            AllowRule rule = rule(line);
            if (rule != null) {
                rules.add(rule);
            }
        }
        AllowList list = new AllowList(rules);
        List<String> texts = rules.stream().map(AllowRule::toString).toList();
        byte[] bytes = NetUtil.createByteArrayFromIpAddressString(lines.get(lines.size() - 1));
        Address requested = requested(lines.get(lines.size() - 2));
        if (requested instanceof UnixPath path) {
            assertThat(list.mayMatch(path))
                    .isEqualTo(startingWith("unix:", texts).anyMatch(rule -> allows(rule, path)));
            assertThat(list.forDatagrams().mayMatch(path)).isFalse();
        } else if (requested instanceof HostPort host && bytes != null) {
            holds(list, host, bytes, texts.stream().filter(rule -> !rule.matches("(?s)(udp|unix):.*")));
            holds(list.forDatagrams(), host, bytes, startingWith("udp:", texts));
        }
    }

    /** What stands behind the prefix, of the rules that have it. */
    private static Stream<String> startingWith(String prefix, List<String> rules) {
        return rules.stream().filter(rule -> rule.startsWith(prefix)).map(rule -> rule.substring(prefix.length()));
    }

    private static void holds(AllowList list, HostPort requested, byte[] bytes, Stream<String> rules)
            throws UnknownHostException {
        boolean expected = rules.anyMatch(rule -> allows(rule, requested, bytes));

        for (InetAddress address : inEachForm(bytes)) {
            assertThat(list.allows(requested, new InetSocketAddress(address, requested.port())))
                    .isEqualTo(expected);
        }
        InetAddress literal = NetUtil.createInetAddressFromIpAddressString(requested.host());
        if (literal != null) {
            assertThat(list.mayMatch(requested))
                    .isEqualTo(list.allows(requested, new InetSocketAddress(literal, requested.port())));
        } else if (expected) {
            assertThat(list.mayMatch(requested)).isTrue();
        }
    }

    private static @Nullable AllowRule rule(String line) {
        try {
            AllowRule rule = AllowRule.parse(line);
            assertThat(rule).hasToString(line).isEqualTo(AllowRule.parse(line));
            return rule;
        } catch (IllegalArgumentException refused) {
            assertThat(refused).hasMessageContaining("' is not an allow rule: ");
            return null;
        }
    }

    private static @Nullable Address requested(String line) {
        try {
            return Address.parse(line);
        } catch (IllegalArgumentException e) {
            return null;
        }
    }

    /** An IPv4-mapped address also as the JDK keeps it for sockets of both families. */
    private static List<InetAddress> inEachForm(byte[] bytes) throws UnknownHostException {
        InetAddress plain = InetAddress.getByAddress(bytes);
        return bytes.length == 4 ? List.of(plain) : List.of(plain, Inet6Address.getByAddress(null, bytes, 1));
    }

    /** What the rule for unix sockets says, from its text alone. */
    private static boolean allows(String rule, UnixPath requested) {
        String path = requested.path();
        return rule.endsWith("/*")
                ? rule.equals(path.substring(0, path.lastIndexOf('/') + 1) + "*")
                : rule.equals(path);
    }

    /** What the rule says, from its text alone. */
    private static boolean allows(String rule, HostPort requested, byte[] address) {
        int colon = rule.lastIndexOf(':');
        String host = rule.substring(0, colon);
        if (!portsAllow(rule.substring(colon + 1), requested.port())) {
            return false;
        }
        byte[] plain = unmapped(address);
        if (host.matches("\\[.*]|[0-9.]+(/[0-9]+)?")) {
            return networkHolds(host.replaceAll("[\\[\\]]", "").split("/", -1), plain);
        }
        String name = name(host);
        String wanted = name(requested.host());
        boolean covered = name.startsWith("*.")
                ? wanted.endsWith(name.substring(1)) && wanted.length() > name.length() - 1
                : name.equals("*") || name.equals(wanted);
        return covered && (isLoopback(plain) ? name.equals("localhost") : !isForAddressesOnly(plain));
    }

    private static boolean portsAllow(String ports, int port) {
        if (ports.equals("*")) {
            return port > 0;
        }
        String[] ends = ports.split("-", -1);
        return Integer.parseInt(ends[0]) <= port && port <= Integer.parseInt(ends[ends.length - 1]);
    }

    private static String name(String host) {
        String lower = host.toLowerCase(Locale.ROOT);
        return lower.endsWith(".") ? lower.substring(0, lower.length() - 1) : lower;
    }

    private static boolean networkHolds(String[] network, byte[] address) {
        byte[] prefix = unmapped(NetUtil.createByteArrayFromIpAddressString(network[0]));
        int length = network.length == 1 ? 8 * prefix.length : Integer.parseInt(network[1]);
        if (prefix.length != address.length) {
            return false;
        }
        for (int bit = 0; bit < length; bit++) {
            int mask = 0x80 >> bit % 8;
            if ((prefix[bit / 8] & mask) != (address[bit / 8] & mask)) {
                return false;
            }
        }
        return true;
    }

    private static byte[] unmapped(byte[] address) {
        byte[] mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1};
        return address.length == 16 && Arrays.equals(address, 0, 12, mapped, 0, 12)
                ? Arrays.copyOfRange(address, 12, 16)
                : address;
    }

    private static boolean isLoopback(byte[] address) {
        return address.length == 4 ? address[0] == 127 : is(address, "::1");
    }

    /**
     * Loopback, link-local, unspecified, multicast, where clouds serve metadata, and what NAT64 or 6to4 turn into
     * those, or may do.
     */
    private static boolean isForAddressesOnly(byte[] address) {
        if (networkHolds(new String[] {"64:ff9b::", "96"}, address)) {
            return isForAddressesOnly(Arrays.copyOfRange(address, 12, 16));
        } else if (networkHolds(new String[] {"2002::", "16"}, address)) {
            return isForAddressesOnly(Arrays.copyOfRange(address, 2, 6));
        }
        int first = address[0] & 0xff;
        int second = address[1] & 0xff;
        if (address.length == 4) {
            return first == 127
                    || (first == 169 && second == 254)
                    || first >> 4 == 0xe
                    || is(address, "0.0.0.0")
                    || is(address, "100.100.100.200")
                    || is(address, "168.63.129.16")
                    || is(address, "192.0.0.192");
        }
        return first == 0xff
                || (first == 0xfe && second >> 6 == 2)
                || is(address, "::")
                || is(address, "::1")
                || is(address, "fd00:ec2::254")
                || is(address, "fd00:ec2::23")
                || is(address, "fd00:a9fe:a9fe::1")
                || networkHolds(new String[] {"64:ff9b:1::", "48"}, address)
                || is(address, "fd20:ce::254");
    }

    private static boolean is(byte[] address, String text) {
        return Arrays.equals(address, NetUtil.createByteArrayFromIpAddressString(text));
    }
}
