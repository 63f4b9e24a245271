package dev.culvert.common.rate;

import io.netty.util.concurrent.EventExecutor;
import java.util.List;

/** The part that one direction of a connection has in the buckets that limit it. Event loop only. */
public final class Share {
    private final List<Bucket> buckets;
    private final EventExecutor loop;
    private final int quantum;
    /** How far it has come in each bucket, in the bucket's count of bytes. Belongs to the bucket. */
    private final long[] reached;

    /** @param buckets at least one, in the order in which they are asked */
    public Share(List<Bucket> buckets, EventExecutor loop) {
        this.buckets = buckets;
        this.loop = loop;
        quantum = buckets.stream().mapToInt(Bucket::quantum).min().orElseThrow();
        reached = new long[buckets.size()];
    }

    public List<Bucket> buckets() {
        return buckets;
    }

    EventExecutor loop() {
        return loop;
    }

    /** The most that has to be there at a time, bytes. */
    public int quantum() {
        return quantum;
    }

    /** Moves on by {@code bytes} in a bucket that is at {@code now}. Returns where that begins. */
    long advance(int bucket, int bytes, long now) {
        long start = Math.max(now, reached[bucket]);
        reached[bucket] = start + bytes;
        return start;
    }
}
