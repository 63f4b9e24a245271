package dev.culvert.server;

import io.netty.channel.Channel;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Set;

/**
 * The connections whose peers have not shown yet who they are. There are only so many: when one more comes, the oldest has to go. Who
 * belongs here needs a few round trips, who only wants to take up room has waited longest. Event loop of the acceptors only.
 */
final class Handshakes {
    private final int most;
    private final Set<Channel> open = new LinkedHashSet<>();

    Handshakes(int most) {
        this.most = most;
    }

    /** Enters one more, and closes the oldest if there is no room. */
    void add(Channel channel) {
        if (open.size() >= most) {
            Iterator<Channel> oldest = open.iterator();
            Channel leaving = oldest.next();
            oldest.remove();
            leaving.close();
        }
        open.add(channel);
    }

    /** A handshake is over, in one way or the other. */
    void remove(Channel channel) {
        open.remove(channel);
    }
}
