package dev.culvert.mux;

/**
 * The memory that one session may hold, in bytes of payload.
 *
 * <p>Its accounts. <em>Used</em> is what has arrived and the application has not consumed; it must not pass the limit.
 * <em>Promised</em> is what windows were widened by beyond their first size; at most half of the limit is promised, so
 * that widening one stream's window leaves room for the others' first ones. <em>Queued</em> is what waits to be sent;
 * from half the limit on, streams take less of it. <em>Kept</em>, which has a limit of its own, is what was sent and
 * may have to be sent again. <em>Said</em> are frames without data that wait to be sent: a peer that has us say much
 * and does not read must not have more memory by it than others.
 *
 * <p>A slice holds the whole of its buffer, of which only its own bytes are counted. So whoever has a small part of a
 * large buffer, and may have it for long, has it as a copy: else a keystroke that a peer does not read, or does not
 * acknowledge, would cost a whole read.
 *
 * <p>What is used, queued, kept and said is held of a {@link SharedBudget}, too, which is told in steps: it is shared
 * between threads.
 */
final class MemoryBudget {
    /** How far the shared budget may be behind, bytes. */
    static final int GRAIN = 64 << 10;

    private final long limit;
    private final SharedBudget shared;
    private long used;
    private long promised;
    private long queued;
    private long kept;
    private long said;
    private long told;
    private boolean closed;

    MemoryBudget(long limit, SharedBudget shared) {
        this.limit = limit;
        this.shared = shared;
        shared.join();
    }

    void use(int bytes) {
        used += bytes;
        tell();
    }

    void free(long bytes) {
        used -= bytes;
        tell();
    }

    /** So many bytes more wait to be sent; fewer, where negative. */
    void queue(int bytes) {
        queued += bytes;
        tell();
    }

    /** So many bytes more are kept; fewer, where negative. */
    void keep(int bytes) {
        kept += bytes;
        tell();
    }

    /** Frames of so many bytes more wait to be sent; fewer, where negative. */
    void say(int bytes) {
        said += bytes;
        tell();
    }

    private void tell() {
        long untold = held() - told;
        if (!closed && (untold >= GRAIN || untold <= -GRAIN)) {
            shared.add(untold);
            told += untold;
        }
    }

    /** The session is over. What it holds until its last word is sent is soon gone, and not told any more. */
    void close() {
        closed = true;
        shared.add(-told);
        told = 0;
        shared.leave();
    }

    boolean isClosed() {
        return closed;
    }

    boolean isOverdrawn() {
        return used > limit;
    }

    /** Whether others need what this session holds beyond its share, and what its end would give them. */
    boolean isOwedInAll() {
        return shared.isOwed(held());
    }

    /**
     * Whether others need what streams hold beyond the share of the session. To end one says something, so that does
     * not count.
     */
    boolean isOwed() {
        return shared.isOwed(held() - said);
    }

    /** Whether others need that memory which frames have, whatever streams give back. */
    boolean isOwedByFrames() {
        return shared.isOwed(said);
    }

    private long held() {
        return used + queued + kept + said;
    }

    /** Whether an overdraft is far enough behind to begin again. */
    boolean isHalfFree() {
        return used <= limit / 2;
    }

    /** Whether so much waits to be sent that streams should take less. */
    boolean isCongested() {
        return queued >= limit / 2 || shared.isTight();
    }

    /**
     * What a stream may queue at once, bytes: all that is left of the first half of the limit, and then its part of the
     * second if each of so many streams takes as much.
     */
    long share(int streams) {
        return isCongested() ? limit / 2 / Math.max(1, streams) : limit / 2 - queued;
    }

    long used() {
        return used;
    }

    long promised() {
        return promised;
    }

    long queued() {
        return queued;
    }

    /** Whether all who share the memory should take less of it. */
    boolean isTight() {
        return shared.isTight();
    }

    long said() {
        return said;
    }

    long kept() {
        return kept;
    }

    /** What may still be promised. */
    long unpromised() {
        return shared.isTight() ? 0 : Math.max(0, limit / 2 - promised);
    }

    /** Promises so many bytes more; fewer, where negative. */
    void promise(int bytes) {
        promised += bytes;
    }
}
