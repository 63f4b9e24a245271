package dev.culvert.common.net;

import dev.culvert.mux.MuxConnection;
import io.netty.channel.Channel;
import java.util.concurrent.TimeUnit;

/**
 * Has the kernel leave a {@link ShortQueue} on the path where its congestion control sends more and more until packets
 * are lost.
 */
final class QueueWatch extends PathWatch {
    /** The shortest time between two looks, ns. */
    private static final long CLOSE = TimeUnit.MILLISECONDS.toNanos(5);
    /** The longest, of a connection that is busy, ns. */
    private static final long FAR = TimeUnit.MILLISECONDS.toNanos(50);

    private final ShortQueue queue = new ShortQueue(System.nanoTime());

    QueueWatch(Channel channel, MuxConnection connection) {
        super(channel, connection);
    }

    @Override
    long look(long now, boolean isHeldUp) {
        TcpInfo tcp = TcpInfo.of(channel);
        if (tcp == null) {
            return NEVER;
        }
        long limit = queue.limit(now, isHeldUp, tcp);
        pace(limit);
        long half = TimeUnit.MICROSECONDS.toNanos(tcp.roundTrip() / 2);
        long next = queue.isShrinking() ? CLOSE : Math.max(CLOSE, Math.min(FAR, half));
        return Math.min(next, portion(limit, tcp.unsent()));
    }
}
