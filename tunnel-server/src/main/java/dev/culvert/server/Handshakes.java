package dev.culvert.server;

import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.Set;

/**
 * The connections whose peers have not shown yet who they are. There are only so many: when one more comes, the oldest has to go. Who
 * belongs here needs a few round trips, who only wants to take up room has waited longest. Event loop of the acceptors only.
 */
final class Handshakes {
    /** One of them. */
    @FunctionalInterface
    interface Waiting {
        /** Its time is over. */
        void makeRoom();
    }

    private int most;
    private final Set<Waiting> open = new LinkedHashSet<>();

    Handshakes(int most) {
        this.most = most;
    }

    /** From now on so many; what is more already goes as others come. */
    void limit(int newMost) {
        most = newMost;
    }

    /** Enters one more, and lets the oldest go if there is no room. */
    void add(Waiting waiting) {
        while (open.size() >= most) {
            Iterator<Waiting> oldest = open.iterator();
            Waiting leaving = oldest.next();
            oldest.remove();
            leaving.makeRoom();
        }
        open.add(waiting);
    }

    /** A handshake is over, in one way or the other. */
    void remove(Waiting waiting) {
        open.remove(waiting);
    }
}
