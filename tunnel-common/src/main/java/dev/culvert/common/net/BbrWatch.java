package dev.culvert.common.net;

import dev.culvert.mux.MuxConnection;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPipeline;
import java.util.concurrent.TimeUnit;

/**
 * Looks at what BBR does while a connection has more to send than the kernel takes, and does what it needs:
 *
 * <ul>
 *   <li>Bulk waits in the moments in which BBR sends next to nothing, see {@link ProbeRtt}: else a keystroke beside a download takes a fifth of
 *       a second now and then.
 *   <li>The kernel is given so much ahead that it does not run out of it, by the bandwidth that BBR has seen, see
 *       {@link SessionSocket#unsent}.
 *   <li>The kernel sends less for a moment where BBR would not leave its first state, see {@link BbrStartup}, and where it has left a queue
 *       on the path, see {@link StandingQueue}.
 * </ul>
 */
public final class BbrWatch extends ChannelInboundHandlerAdapter {
    private static final int UNLIMITED = -1;

    /** Who has not been held up by the kernel for so long has no bulk to send. */
    private static final long BUSY = TimeUnit.SECONDS.toNanos(1);

    private final Channel channel;
    private final MuxConnection connection;
    private final ProbeRtt forecast = new ProbeRtt(System.nanoTime());
    private final BbrStartup startup = new BbrStartup();
    private final StandingQueue queue = new StandingQueue(System.nanoTime());
    private long busyAt = System.nanoTime() - BUSY;
    private boolean looking;
    private boolean holding;
    private int unsent = MuxConnection.UNSENT_LOW_WATER;
    private int pacing = UNLIMITED;

    private BbrWatch(Channel channel, MuxConnection connection) {
        this.channel = channel;
        this.connection = connection;
    }

    /** Watches over a connection that is up, if there is something to watch. Event loop only. */
    public static void addTo(ChannelPipeline pipeline, MuxConnection connection) {
        if (CongestionControl.of(pipeline.channel()).equals("bbr")) {
            BbrWatch watch = new BbrWatch(pipeline.channel(), connection);
            pipeline.addLast(watch);
            watch.look();
        }
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        if (!channel.isWritable()) {
            busyAt = System.nanoTime();
            if (!looking) {
                looking = true;
                startup.begin(busyAt);
                channel.eventLoop().execute(this::look); // what is written now, the kernel may take all of
            }
        }
        ctx.fireChannelWritabilityChanged();
    }

    private void look() {
        if (!channel.eventLoop().inEventLoop()) { // it has gone to that of another session
            channel.eventLoop().execute(this::look);
            return;
        }
        BbrState bbr = BbrState.of(channel);
        if (bbr == null) {
            return;
        }
        long now = System.nanoTime();
        boolean isHeldUp = !channel.isWritable();
        forecast.look(now, bbr.shortest(), bbr.isProbeRtt());
        hold(forecast.bulkWaits());
        giveAhead(SessionSocket.unsent(bbr.bandwidth()));
        pace(Math.max(startup.limit(now, isHeldUp, bbr), queue.limit(now, isHeldUp, bbr)));
        if (isHeldUp) {
            busyAt = now;
        }
        looking = holding || now - busyAt < BUSY;
        if (looking) {
            long next = queue.isShrinking() ? ProbeRtt.CLOSE : forecast.untilNextLook();
            channel.eventLoop().schedule(this::look, next, TimeUnit.NANOSECONDS);
        }
    }

    private void giveAhead(int bytes) {
        if (unsent != bytes) {
            unsent = bytes;
            TcpOption.UNSENT_LOW_WATER.set(channel, bytes);
        }
    }

    /** So many bytes a second at most; 0: as BBR likes, and so where an int has no room for it. */
    private void pace(long limit) {
        int rate = limit > 0 && limit <= Integer.MAX_VALUE ? (int) limit : UNLIMITED;
        if (pacing != rate) {
            pacing = rate;
            TcpOption.PACING.set(channel, rate);
        }
    }

    private void hold(boolean on) {
        if (holding != on) {
            holding = on;
            connection.holdBulk(on);
        }
    }
}
