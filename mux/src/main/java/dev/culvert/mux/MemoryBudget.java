package dev.culvert.mux;

/**
 * The memory that one session may hold for its peer, in bytes of payload.
 *
 * <p>Two accounts share it. <em>Used</em> is what has arrived and the application has not consumed; it must not pass the
 * limit. <em>Promised</em> is what windows were widened by beyond their first size; at most half of the limit is
 * promised, so that widening one stream's window leaves room for the others' first ones.
 */
final class MemoryBudget {
    private final long limit;
    private long used;
    private long promised;

    MemoryBudget(long limit) {
        this.limit = limit;
    }

    void use(int bytes) {
        used += bytes;
    }

    void free(int bytes) {
        used -= bytes;
    }

    boolean isOverdrawn() {
        return used > limit;
    }

    /** Whether an overdraft is far enough behind to begin again. */
    boolean isHalfFree() {
        return used <= limit / 2;
    }

    long used() {
        return used;
    }

    long promised() {
        return promised;
    }

    /** What may still be promised. */
    long unpromised() {
        return Math.max(0, limit / 2 - promised);
    }

    /** Promises so many bytes more; fewer, where negative. */
    void promise(int bytes) {
        promised += bytes;
    }
}
