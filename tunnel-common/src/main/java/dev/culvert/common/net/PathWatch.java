package dev.culvert.common.net;

import dev.culvert.mux.MuxConnection;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPipeline;
import java.util.concurrent.TimeUnit;

/**
 * Looks at what the kernel's congestion control does while a connection has more to send than the kernel takes, and
 * does what it needs so that who types beside a download need not wait: {@link BbrWatch} where that is BBR, else
 * {@link QueueWatch}.
 */
abstract class PathWatch extends ChannelInboundHandlerAdapter {
    /** There is nothing to be seen any more. */
    static final long NEVER = -1;

    /** Who has not been held up by the kernel for so long has no bulk to send. */
    private static final long BUSY = TimeUnit.SECONDS.toNanos(1);

    /** Who gets little at a time may have no more for a moment, and bulk to send all the same. */
    private static final long PATIENCE = TimeUnit.MILLISECONDS.toNanos(50);
    /** The shortest time between two looks for that, ns. */
    private static final long CLOSE = TimeUnit.MILLISECONDS.toNanos(1);

    private static final int UNLIMITED = -1;

    final Channel channel;
    final MuxConnection connection;
    private long busyAt = System.nanoTime() - BUSY;
    private boolean looking;
    private int pacing = UNLIMITED;
    /** Whether the kernel is given little at a time. */
    private boolean portioned;

    PathWatch(Channel channel, MuxConnection connection) {
        this.channel = channel;
        this.connection = connection;
    }

    /** Watches over a connection that is up, if there is something to watch. Event loop only. */
    static void addTo(ChannelPipeline pipeline, MuxConnection connection) {
        Channel channel = pipeline.channel();
        String control = CongestionControl.of(channel);
        if (control.equals("bbr")) {
            add(pipeline, new BbrWatch(channel, connection));
        } else if (!control.isEmpty() && !Loopback.isUnder(channel)) {
            add(pipeline, new QueueWatch(channel, connection));
        }
    }

    private static void add(ChannelPipeline pipeline, PathWatch watch) {
        pipeline.addLast(watch);
        watch.lookNow();
    }

    /** There is bulk to send, after a while without. */
    void begin(long now) {}

    /**
     * Looks at the connection.
     *
     * @param isHeldUp whether there is more to send than the kernel takes
     * @return when to look again if there is bulk to send still, ns from now, or {@link #NEVER}
     */
    abstract long look(long now, boolean isHeldUp);

    /** Whether it has to look again although there is no bulk any more. */
    boolean hasToLook() {
        return false;
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        if (!channel.isWritable()) {
            busyAt = System.nanoTime();
            if (!looking) {
                looking = true;
                begin(busyAt);
                channel.eventLoop().execute(this::lookNow); // what is written now, the kernel may take all of
            }
        }
        ctx.fireChannelWritabilityChanged();
    }

    private void lookNow() {
        if (!channel.eventLoop().inEventLoop()) { // it has gone to that of another session
            channel.eventLoop().execute(this::lookNow);
            return;
        }
        long now = System.nanoTime();
        if (!channel.isWritable() || connection.isUsedUp()) {
            busyAt = now;
        }
        long next = look(now, now - busyAt <= (portioned ? PATIENCE : 0));
        looking = hasToLook() || now - busyAt < BUSY;
        if (looking && next != NEVER) {
            channel.eventLoop().schedule(this::lookNow, next, TimeUnit.NANOSECONDS);
        }
    }

    /**
     * Has streams hand over what the path takes in a moment, and more when half of that is gone, where the kernel would
     * take more: what it has been given stands before a keystroke.
     *
     * @param rate of the path, bytes a second; 0: nobody knows
     * @param unsent what the kernel has and has not sent, bytes
     * @return when to look again for that at the latest, ns from now
     */
    final long portion(long rate, int unsent) {
        int ahead = SessionSocket.ahead(rate);
        if (ahead == MuxConnection.UNLIMITED) {
            if (portioned) {
                portioned = false;
                connection.allow(ahead);
            }
            return Long.MAX_VALUE;
        }
        int unsentThen = unsent;
        if (unsent <= ahead / 2) {
            connection.allow(ahead - unsent);
            unsentThen = ahead;
        } else if (!portioned) {
            connection.allow(0);
        }
        portioned = true;
        return Math.max(CLOSE, (unsentThen - ahead / 2) * TimeUnit.SECONDS.toNanos(1) / rate);
    }

    /**
     * Has the kernel send so many bytes a second at most; 0: as much as it likes, and so where an int has no room for
     * it.
     */
    final void pace(long limit) {
        int rate = limit > 0 && limit <= Integer.MAX_VALUE ? (int) limit : UNLIMITED;
        if (pacing != rate) {
            pacing = rate;
            TcpOption.PACING.set(channel, rate);
        }
    }
}
