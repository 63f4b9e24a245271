package dev.culvert.mux;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Memory, in bytes of payload and of frames without any, that several sessions share: those of one client, say, and
 * over it those of all clients.
 *
 * <p>It is lent without asking, since a session holds little of what it may hold. When half of it is out it is
 * <em>tight</em>: windows are not widened, and less is read ahead. When all of it is out, whoever holds more than an
 * equal share has to give something back, by ending its largest streams; the others go on. So no more than twice the
 * limit is ever out.
 *
 * <p>Any thread.
 */
public final class SharedBudget {
    private final @Nullable SharedBudget whole;
    private final AtomicInteger sharers = new AtomicInteger();
    private final AtomicLong held = new AtomicLong();
    private volatile long limit;

    /** A budget of its own. */
    public SharedBudget(long limit) {
        this(limit, null);
    }

    /** A budget that is itself a sharer of {@code whole} while somebody shares it. */
    public SharedBudget(long limit, @Nullable SharedBudget whole) {
        this.limit = limit;
        this.whole = whole;
    }

    /** The budget of those who need not share: without bounds. */
    static SharedBudget unbounded() {
        return new SharedBudget(Long.MAX_VALUE);
    }

    /** From now on it is this large, bytes. */
    public void limit(long newLimit) {
        limit = newLimit;
    }

    /** What is held of it, bytes; each session is counted in steps of {@value MemoryBudget#GRAIN}. */
    public long held() {
        return held.get();
    }

    void join() {
        if (sharers.getAndIncrement() == 0 && whole != null) {
            whole.join();
        }
    }

    void leave() {
        if (sharers.decrementAndGet() == 0 && whole != null) {
            whole.leave();
        }
    }

    void add(long bytes) {
        held.addAndGet(bytes);
        if (whole != null) {
            whole.add(bytes);
        }
    }

    boolean isTight() {
        return held.get() > limit / 2 || (whole != null && whole.isTight());
    }

    /** Whether a sharer that holds so much has to give something back. */
    boolean isOwed(long bySharer) {
        long most = limit;
        if (whole != null && whole.isOwed(held.get())) {
            most = Math.min(most, whole.shareOf(whole.limit));
        }
        return held.get() > most && bySharer > shareOf(most);
    }

    private long shareOf(long bytes) {
        return bytes / Math.max(1, sharers.get());
    }
}
