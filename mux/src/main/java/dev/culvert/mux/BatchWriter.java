package dev.culvert.mux;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.util.ReferenceCountUtil;
import java.util.function.Consumer;

/**
 * How the frames of a session get into its channel: how many are flushed together, and when no more are taken from the
 * session.
 *
 * <p>Flush policy: whatever happens in one iteration of the event loop, the session is asked for frames once, at its
 * end, and they are flushed together; or as soon as so much has come together that it would leave the processor's cache
 * before. No more is taken from the session while the kernel has not taken all of the last batch, and batches are small
 * where it does not: so the decision which stream sends next is made late.
 */
final class BatchWriter {
    /** Not writable while anything waits here that the kernel has not taken. */
    private static final WriteBufferWaterMark WATER_MARK = new WriteBufferWaterMark(1, 1);
    /** What is flushed together, bytes: the less, the less may be left over; the more, the fewer system calls. */
    private static final int MIN_BATCH = 32 << 10;

    private static final int MAX_BATCH = 256 << 10;
    /** Flushes in one go, before others have their turn on the event loop. */
    private static final int ROUNDS = 16;

    private Consumer<ByteBuf> output = ReferenceCountUtil::release;
    /** What the next batch may be, bytes: twice the last if the kernel took that, else half of it. */
    private int batch = MIN_BATCH;

    private int batched;
    private boolean bulkWaits;
    /** What streams may send, bytes. */
    private int allowance = MuxConnection.UNLIMITED;

    /** Once, before anything is sent. */
    void writeTo(ChannelHandlerContext ctx) {
        output = buffer -> {
            batched += buffer.readableBytes();
            ctx.write(buffer, ctx.voidPromise());
        };
        ctx.channel().config().setWriteBufferWaterMark(WATER_MARK);
    }

    /** See {@link MuxConnection#holdBulk}. */
    void holdBulk(boolean on) {
        bulkWaits = on;
    }

    /** See {@link MuxConnection#allow}. */
    void allow(int bytes) {
        allowance = bytes;
    }

    /** See {@link MuxConnection#isUsedUp}. */
    boolean isUsedUp() {
        return allowance == 0;
    }

    /**
     * Sends what {@code session} has while the kernel takes it.
     *
     * @return whether there may be more, for which this should be called again when others have had their turn
     */
    boolean send(MuxSession session, ChannelHandlerContext ctx) {
        Channel channel = ctx.channel();
        for (int round = 0; channel.isWritable(); round++) {
            if (round == ROUNDS) {
                return true;
            }
            batched = 0;
            while (batched < batch && transmit(session)) {
                // as much as goes together
            }
            if (batched == 0) {
                return false;
            }
            ctx.flush();
            if (!channel.isWritable()) {
                batch = Math.max(MIN_BATCH, batch / 2);
            } else if (batched >= batch) {
                batch = Math.min(MAX_BATCH, batch * 2);
            }
        }
        return false;
    }

    private boolean transmit(MuxSession session) {
        if (bulkWaits) {
            return session.transmit(true, MuxConnection.UNLIMITED, output);
        }
        int before = batched;
        boolean sent = session.transmit(false, allowance, output);
        if (allowance != MuxConnection.UNLIMITED) {
            allowance = Math.max(0, allowance - (batched - before));
        }
        return sent;
    }

    /**
     * Writes all that {@code session} still has, whether the kernel takes it or not, and leaves the flush to the
     * caller.
     */
    void drain(MuxSession session) {
        while (session.transmit(output)) {
            // no data of streams, the session is closed; but what was being sent again goes first
        }
    }
}
