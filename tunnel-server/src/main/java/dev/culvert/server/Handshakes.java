package dev.culvert.server;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/**
 * The connections whose peers have not shown yet who they are. There are only so many: when one more comes, the oldest
 * has to go. Who belongs here needs a few round trips, who only wants to take up room has waited longest. One host
 * could still come so fast that all others are the oldest soon; so where a host or a network has a good part of all,
 * the oldest of its own has to go. Event loop of the acceptors only.
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

    /** Those from one place are many if they are at least this part of all. */
    private static final int MANY = 4;

    private int most;
    private final Set<Waiting> open = new LinkedHashSet<>();
    private final Map<ByteBuffer, Set<Waiting>> bySource = new HashMap<>();

    Handshakes(int most) {
        this.most = most;
    }

    /** From now on so many; what is more already goes as others come. */
    void limit(int newMost) {
        most = newMost;
    }

    /** Enters one more, and lets one go if there is no room. */
    void add(Waiting waiting) {
        while (open.size() >= most) {
            Set<Waiting> largest = Collections.max(bySource.values(), Comparator.comparingInt(Set::size));
            boolean isMany = largest.size() > 1 && largest.size() >= most / MANY;
            Waiting oldest = (isMany ? largest : open).iterator().next();
            remove(oldest);
            oldest.makeRoom();
        }
        open.add(waiting);
        bySource.computeIfAbsent(network(waiting), from -> new LinkedHashSet<>())
                .add(waiting);
    }

    /** A handshake is over, in one way or the other. */
    void remove(Waiting waiting) {
        open.remove(waiting);
        bySource.computeIfPresent(network(waiting), (from, its) -> {
            its.remove(waiting);
            return its.isEmpty() ? null : its;
        });
    }

    private static ByteBuffer network(Waiting waiting) {
        InetAddress source = waiting.source();
        ByteBuffer address = ByteBuffer.wrap(source.getAddress());
        return source instanceof Inet6Address ? address.limit(IPV6_NETWORK) : address;
    }
}
