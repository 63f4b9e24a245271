package dev.culvert.common.splice;

import java.util.concurrent.atomic.AtomicLong;

/** The memory that datagrams may take while they wait, of all flows that share it. Any thread. */
public final class DatagramMemory {
    /** Bytes. More waits only where sessions do not keep up, and then it is old. */
    static final long MOST = 4 << 20;

    /** What there is around the bytes of each datagram: else there could be any number of empty ones. */
    private static final int AROUND = 128;

    private final AtomicLong taken = new AtomicLong();

    /** Takes what a datagram of so many bytes takes, if that is there. */
    public boolean take(int bytes) {
        if (taken.addAndGet(cost(bytes)) > MOST) {
            give(bytes);
            return false;
        }
        return true;
    }

    /** Gives back what {@link #take} took. */
    public void give(int bytes) {
        taken.addAndGet(-cost(bytes));
    }

    /** What a datagram of so many bytes takes. */
    static int cost(int bytes) {
        return bytes + AROUND;
    }

    long taken() {
        return taken.get();
    }
}
