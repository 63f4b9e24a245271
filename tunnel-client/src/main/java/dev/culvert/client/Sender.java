package dev.culvert.client;

import java.net.InetSocketAddress;
import java.util.Arrays;
import java.util.Comparator;

/**
 * Who sends datagrams, as the key of a map. Addresses have hashes that anybody can make alike: they have an order, so
 * that a HashMap finds one among many of the same hash without asking each.
 */
record Sender(InetSocketAddress address) implements Comparable<Sender> {
    private static final Comparator<InetSocketAddress> ORDER = Comparator.comparingInt(InetSocketAddress::getPort)
            .thenComparing(address -> address.getAddress().getAddress(), Arrays::compare);

    @Override
    public int compareTo(Sender other) {
        return ORDER.compare(address, other.address);
    }
}
