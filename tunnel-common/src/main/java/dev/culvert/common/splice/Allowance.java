package dev.culvert.common.splice;

import dev.culvert.common.rate.Bucket;
import dev.culvert.common.rate.Share;
import dev.culvert.common.rate.Turn;
import io.netty.util.concurrent.EventExecutor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What one direction of a connection has of the buckets that limit it: takes bytes, or waits for them, once at a time.
 * Event loop only.
 */
final class Allowance {
    private final Connection connection;
    private final EventExecutor loop;
    private Share share;
    /** Null: it does not wait for a bucket. */
    private @Nullable Turn turn;

    /** @param buckets at least one */
    Allowance(Connection connection, EventExecutor loop, List<Bucket> buckets) {
        this.connection = connection;
        this.loop = loop;
        share = new Share(buckets, loop);
    }

    /** The most that has to be there at a time, bytes. */
    int quantum() {
        return share.quantum();
    }

    boolean isOf(List<Bucket> buckets) {
        return buckets.equals(share.buckets());
    }

    /** From now on these count, at least one, and it does not wait for the others. */
    void use(List<Bucket> buckets) {
        stopWaiting();
        share = new Share(buckets, loop);
    }

    boolean isWaiting() {
        return turn != null;
    }

    /**
     * Takes so many bytes if it can; false: it waits, and when they have been taken runs {@code then}. Not while it
     * waits.
     */
    boolean take(int bytes, Runnable then) {
        Turn next = new Turn(share, bytes, () -> {
            stoppedWaiting();
            then.run();
        });
        if (next.take()) {
            return true;
        }
        turn = next;
        connection.waits();
        return false;
    }

    private void stoppedWaiting() {
        turn = null;
        connection.waited();
    }

    void stopWaiting() {
        if (turn != null) {
            turn.cancel();
            stoppedWaiting();
        }
    }

    /** Bytes that were taken and not used. */
    void giveBack(int bytes) {
        share.buckets().forEach(bucket -> bucket.giveBack(bytes));
    }
}
