package dev.culvert.mux;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.util.ReferenceCountUtil;
import java.util.ArrayDeque;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What lets a session go on by another connection when its link is lost: the bytes that the peer may not have, and how
 * many of its own we have. Both sides count the bytes of the session from its first one, HELLO and all, in each
 * direction; what a connection begins with that resumes a session is not counted.
 *
 * <p>What is sent is kept, not copied, until the peer acknowledges it. On the next connection the peer tells how much
 * it has; the rest is sent again before anything new.
 */
final class Resumption {
    /** So many bytes are acknowledged at once, or what the peer keeps where its memory is short if that is less. */
    private static final long ACK_EVERY = 1 << 20;
    /** An ACK goes along with a UPD, which goes anyway, when this part of that has arrived. */
    private static final int ALONG = 16;
    /** A smaller part of a buffer that nobody else has is kept as a copy, see {@link MemoryBudget}. */
    private static final int SMALL_PART = 8;
    /**
     * The same of a buffer that others have, too: most often for the other frames of a bulk transfer, each of which is
     * an eighth, and is kept as it is. But where a window lets less through, and the stream ends, the rest is dropped,
     * and the buffer would be kept for that alone.
     */
    private static final int SMALL_SLICE = 16;
    /**
     * Frames of at most so many bytes are kept together, as copies: a buffer of its own takes some hundreds, and a peer
     * can have us send many small ones.
     */
    private static final int CRUMB = 256;

    private static final int CRUMBS = 1 << 10;
    /**
     * So much of frames without data may be kept beyond the limit. Who has had all that, and acknowledges none of it,
     * means harm.
     */
    private static final int BEYOND = 1 << 20;
    /** This part of the limit is kept where memory is short. */
    private static final int TIGHT = 16;

    private final Token token;
    private final long window;
    private final long limit;
    private final long ackEvery;
    private final MemoryBudget budget;

    /** Sent and not acknowledged, in order. */
    private final ArrayDeque<Part> sent = new ArrayDeque<>();
    /** To be sent once more, in order; it comes after {@link #sent}. */
    private final ArrayDeque<Part> again = new ArrayDeque<>();
    /** Where the next small frame is kept. */
    private ByteBuf crumbs = Unpooled.EMPTY_BUFFER;
    /** Bytes of the session that the peer is known to have: the place of the first byte kept. */
    private long acknowledged;
    /** The place behind the last byte in {@link #sent}. */
    private long sentTo;

    /** What is kept, bytes: all that was sent from {@link #acknowledged} on. */
    private long kept;

    private long ackSent;
    private boolean gaveUp;

    private final Consumer<ByteBuf> sending = this::send;
    private Consumer<ByteBuf> out = ReferenceCountUtil::release;

    /** Some bytes of a buffer, of which we hold one reference. */
    private record Part(ByteBuf buffer, int start, int length) {}

    /**
     * Begins with the byte that is sent next, and the one that is received next. How many have been received the caller
     * knows, and brings.
     *
     * @param window how long a session is kept without a connection, ns
     * @param limit how much is kept for the peer, bytes
     * @param peerLimit how much the peer keeps for us, bytes
     * @param sent bytes of the session that were sent before, all of which the peer has
     */
    Resumption(Token token, long window, long limit, long peerLimit, MemoryBudget budget, long sent) {
        this.token = token;
        this.window = window;
        this.limit = limit;
        this.budget = budget;
        ackEvery = Math.min(ACK_EVERY, peerLimit / TIGHT);
        acknowledged = sent;
        sentTo = sent;
    }

    Token token() {
        return token;
    }

    /** How long the session is kept without a connection, ns. */
    long window() {
        return window;
    }

    // ---- what we send

    /** What {@code out} gets is kept. */
    Consumer<ByteBuf> keeping(Consumer<ByteBuf> newOut) {
        out = newOut;
        return sending;
    }

    private void send(ByteBuf buffer) {
        keep(buffer);
        out.accept(buffer);
    }

    private void keep(ByteBuf buffer) {
        if (gaveUp) {
            return;
        }
        int length = buffer.readableBytes();
        if (length <= CRUMB) {
            keepCrumb(buffer, length);
        } else if (isLittle(buffer, length)) {
            ByteBuf copy = ByteBufAllocator.DEFAULT.ioBuffer(length, length);
            copy.writeBytes(buffer, buffer.readerIndex(), length);
            sent.add(new Part(copy, 0, length));
        } else {
            sent.add(new Part(buffer.retain(), buffer.readerIndex(), length));
        }
        sentTo += length;
        count(length);
        if (kept > limit + BEYOND) {
            giveUp();
        }
    }

    private static boolean isLittle(ByteBuf buffer, int length) {
        ByteBuf whole = buffer;
        while (whole.unwrap() != null) {
            whole = whole.unwrap();
        }
        return length < whole.capacity() / (whole.refCnt() == 1 ? SMALL_PART : SMALL_SLICE);
    }

    @SuppressWarnings("ReferenceEquality") // it is about the buffer, not about what is in it
    private void keepCrumb(ByteBuf buffer, int length) {
        if (crumbs.writableBytes() < length) {
            crumbs.release();
            crumbs = ByteBufAllocator.DEFAULT.ioBuffer(CRUMBS, CRUMBS);
        }
        int start = crumbs.writerIndex();
        crumbs.writeBytes(buffer, buffer.readerIndex(), length);
        Part last = sent.peekLast();
        if (last != null && last.buffer == crumbs && last.start + last.length == start) {
            sent.removeLast();
            sent.add(new Part(crumbs, last.start, last.length + length));
        } else {
            sent.add(new Part(crumbs.retain(), start, length));
        }
    }

    /** Whether so much is kept that nothing new should be sent before the peer has acknowledged some of it. */
    boolean isFull() {
        return kept >= limit || (kept >= limit / TIGHT && budget.isTight());
    }

    /**
     * The peer has so many bytes of the session. Less than it had before is no news: what was sent before the link was
     * lost comes again.
     */
    void acknowledge(long total) throws ProtocolViolation {
        if (gaveUp) {
            return;
        }
        if (total > sentTo) {
            throw new ProtocolViolation("the peer acknowledges " + total + " bytes of " + sentTo);
        }
        release(sent, total);
    }

    /** Of what {@code parts} begin with, the peer has all up to {@code total}. */
    private void release(ArrayDeque<Part> parts, long total) {
        Part first;
        while ((first = parts.peek()) != null && acknowledged + first.length <= total) {
            acknowledged += first.length;
            drop(parts.remove());
        }
        if (first != null && acknowledged < total) {
            int part = (int) (total - acknowledged);
            parts.remove();
            parts.addFirst(new Part(first.buffer, first.start + part, first.length - part));
            count(-part);
            acknowledged = total;
        }
    }

    /** The next bytes that have to be sent once more, for the caller to release. They are kept still. */
    @Nullable ByteBuf nextAgain() {
        Part next = again.poll();
        if (next == null) {
            return null;
        }
        sentTo += next.length;
        ByteBuf bytes = next.buffer.retainedSlice(next.start, next.length);
        if (gaveUp) {
            next.buffer.release();
        } else {
            sent.add(next);
        }
        return bytes;
    }

    private void drop(Part part) {
        part.buffer.release();
        count(-part.length);
    }

    private void count(int bytes) {
        kept += bytes;
        budget.keep(bytes);
    }

    // ---- what we receive

    /**
     * Whether so much of {@code received} has arrived since the last ACK that it is time for another.
     *
     * @param along with a UPD, it can go sooner
     */
    boolean owesAck(long received, boolean along) {
        return received - ackSent >= (along ? ackEvery / ALONG : ackEvery);
    }

    /** Whether anything at all has arrived since the last ACK. */
    boolean hasNews(long received) {
        return received != ackSent;
    }

    ByteBuf ack(long received) {
        ackSent = received;
        return Frame.number(ProtocolVersion.CULVERT, Frame.ACK, received);
    }

    // ---- from one connection to the next

    /** Whether the session can go on by another connection. */
    boolean isPossible() {
        return !gaveUp;
    }

    /**
     * There is another connection, and the peer has so many bytes of the session: the others are sent again. It is told
     * what we have received.
     *
     * @return false: that cannot be. Other connections have told more since, or nobody has sent so much; nothing has
     *     changed
     */
    boolean resume(long peerHas, long received) {
        if (gaveUp || peerHas < acknowledged || peerHas > acknowledged + kept) {
            return false;
        }
        ackSent = received;
        Part last;
        while ((last = sent.pollLast()) != null) {
            again.addFirst(last);
        }
        release(again, peerHas);
        sentTo = acknowledged;
        return true;
    }

    /**
     * Keeps nothing any more: the session ends with its link. What comes again comes all the same, or nothing could
     * follow it.
     */
    void giveUp() {
        if (gaveUp) {
            return;
        }
        gaveUp = true;
        sent.forEach(this::drop);
        sent.clear();
        again.forEach(part -> count(-part.length)); // it goes as soon as it can, and nothing else would make it less
        crumbs.release();
        crumbs = Unpooled.EMPTY_BUFFER;
    }

    /** Nothing is sent any more. */
    void end() {
        giveUp();
        again.forEach(part -> part.buffer.release());
        again.clear();
    }
}
