package dev.culvert.server;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/**
 * The connections whose peers have not shown yet who they are. There are only so many: when one more comes, the oldest
 * has to go of those that come from where the most come from. Who belongs here needs a few round trips, who only wants
 * to take up room has waited longest, and one host that comes again and again makes room by itself. Event loop of the
 * acceptors only.
 */
final class Handshakes {
    /** What a network of IPv6 has in common at least, bytes: all the rest of an address is anybody's choice there. */
    private static final int IPV6_NETWORK = 8;

    /** One of them. */
    interface Waiting {
        /** Where it comes from. */
        InetAddress source();

        /** Its time is over. */
        void makeRoom();
    }

    private int most;
    private int count;
    /** By where they come from. */
    private final Map<ByteBuffer, Set<Waiting>> open = new LinkedHashMap<>();

    Handshakes(int most) {
        this.most = most;
    }

    /** From now on so many; what is more already goes as others come. */
    void limit(int newMost) {
        most = newMost;
    }

    /** Enters one more, and lets one go if there is no room. */
    void add(Waiting waiting) {
        while (count >= most) {
            Set<Waiting> largest = Collections.max(open.values(), Comparator.comparingInt(Set::size));
            Waiting oldest = largest.iterator().next();
            remove(oldest);
            oldest.makeRoom();
        }
        open.computeIfAbsent(network(waiting), from -> new LinkedHashSet<>()).add(waiting);
        count++;
    }

    /** A handshake is over, in one way or the other. */
    void remove(Waiting waiting) {
        open.computeIfPresent(network(waiting), (from, its) -> {
            if (its.remove(waiting)) {
                count--;
            }
            return its.isEmpty() ? null : its;
        });
    }

    private static ByteBuffer network(Waiting waiting) {
        InetAddress source = waiting.source();
        ByteBuffer address = ByteBuffer.wrap(source.getAddress());
        return source instanceof Inet6Address ? address.limit(IPV6_NETWORK) : address;
    }
}
