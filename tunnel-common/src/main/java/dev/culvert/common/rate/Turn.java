package dev.culvert.common.rate;

import io.netty.util.concurrent.EventExecutor;
import java.util.List;

/**
 * One wait for bytes of all the buckets of a {@link Share}: of one after the other, so that two who wait cannot wait
 * for each other.
 *
 * <p>Once only; event loop only, but for what a bucket does.
 */
public final class Turn {
    private final Share share;
    private final int bytes;
    private final Runnable then;
    /** Of the buckets: those before have given what was asked for. */
    private int at;
    /** Its place in the queue of the bucket. Belongs to the bucket, as the next one does. */
    private long start;

    private long arrival;

    private boolean cancelled;

    /**
     * @param bytes what is beyond the {@link Share#quantum} need not be there yet; a share has one turn at a time
     * @param then run when all have given them, where {@link #take} has not got them at once
     */
    public Turn(Share share, int bytes, Runnable then) {
        this.share = share;
        this.bytes = bytes;
        this.then = then;
    }

    int bytes() {
        return bytes;
    }

    EventExecutor loop() {
        return share.loop();
    }

    /** Takes a place in the queue of a bucket that is at {@code now}. */
    void queue(long now, long newArrival) {
        start = share.advance(at, bytes, now);
        arrival = newArrival;
    }

    /** Where it begins, in the bucket's count of bytes: who has had less comes first. */
    long start() {
        return start;
    }

    /** Who comes first of those that have had as much. */
    long arrival() {
        return arrival;
    }

    /** True: there they are. */
    public boolean take() {
        List<Bucket> buckets = share.buckets();
        while (at < buckets.size()) {
            if (!buckets.get(at).take(this)) {
                return false;
            }
            at++;
        }
        return true;
    }

    /** The bucket has given. Any thread. */
    void granted() {
        share.loop().execute(() -> {
            if (!cancelled) {
                at++;
                if (take()) {
                    then.run();
                }
            }
        });
    }

    /** Waits no longer, and gives back what it has got. Not after the end of the wait. */
    public void cancel() {
        cancelled = true;
        List<Bucket> buckets = share.buckets();
        if (!buckets.get(at).leave(this)) {
            at++;
        }
        buckets.subList(0, at).forEach(bucket -> bucket.giveBack(bytes));
    }
}
