package dev.culvert.common.net;

import java.net.InetAddress;
import java.util.List;
import java.util.stream.Collectors;

/** Addresses and networks, as a list in a configuration names them. Immutable. */
public final class AddressSet {
    public static final AddressSet NONE = new AddressSet(List.of());

    private final List<Network> networks;

    private AddressSet(List<Network> networks) {
        this.networks = List.copyOf(networks);
    }

    /** One address or network, such as {@code 10.0.0.0/8}; throws IllegalArgumentException with a sentence. */
    public static AddressSet parse(String text) {
        return new AddressSet(List.of(Network.parse(text)));
    }

    /** What any of them has. */
    public static AddressSet of(List<AddressSet> sets) {
        return new AddressSet(
                sets.stream().flatMap(set -> set.networks.stream()).toList());
    }

    /** The address itself, or the IPv4 address which an IPv6 address maps (RFC 4291, section 2.5.5.2). */
    public static InetAddress plain(InetAddress address) {
        return Network.plain(address);
    }

    public boolean isEmpty() {
        return networks.isEmpty();
    }

    /** An IPv4-mapped IPv6 address is the IPv4 address. */
    public boolean contains(InetAddress address) {
        InetAddress plain = Network.plain(address);
        return networks.stream().anyMatch(network -> network.contains(plain));
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof AddressSet set && networks.equals(set.networks);
    }

    @Override
    public int hashCode() {
        return networks.hashCode();
    }

    /** In their own notation, with commas. */
    @Override
    public String toString() {
        return networks.stream()
                .map(network -> network.prefix().getHostAddress() + "/" + network.length())
                .collect(Collectors.joining(", "));
    }
}
