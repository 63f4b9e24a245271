package dev.culvert.common.rate;

import io.netty.util.concurrent.EventExecutor;
import java.util.List;

/**
 * One wait for bytes of several buckets: those of one after the other, so that two who wait can not wait for each other. Once only.
 *
 * <p>Belongs to an event loop; the buckets are those of all of them.
 */
public final class Turn {
    private final List<Bucket> buckets;
    private final int bytes;
    private final EventExecutor loop;
    private final Runnable then;
    /** Of the buckets: those before have given what was asked for. */
    private int at;

    private boolean cancelled;

    /**
     * @param bytes the smallest {@link Bucket#quantum} at most
     * @param then run on {@code loop} when all have given them, where {@link #take} has not got them at once
     */
    public Turn(List<Bucket> buckets, int bytes, EventExecutor loop, Runnable then) {
        this.buckets = buckets;
        this.bytes = bytes;
        this.loop = loop;
        this.then = then;
    }

    int bytes() {
        return bytes;
    }

    EventExecutor loop() {
        return loop;
    }

    /** True: there they are. */
    public boolean take() {
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
        loop.execute(() -> {
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
        if (!buckets.get(at).leave(this)) {
            at++;
        }
        buckets.subList(0, at).forEach(bucket -> bucket.giveBack(bytes));
    }
}
