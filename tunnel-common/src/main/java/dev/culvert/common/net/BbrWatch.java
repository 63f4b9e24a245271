package dev.culvert.common.net;

import dev.culvert.mux.MuxConnection;
import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.unix.RawUnixChannelOption;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Looks at what BBR does while a connection has more to send than the kernel takes, and does what it needs:
 *
 * <ul>
 *   <li>Bulk waits in the moments in which BBR sends next to nothing, see {@link ProbeRtt}: else a keystroke beside a download takes a fifth of
 *       a second now and then.
 *   <li>The kernel is given so much ahead that it does not run out of it, by the bandwidth that BBR has seen, see
 *       {@link SessionSocket#unsent}.
 *   <li>The kernel sends less for a moment where BBR would not leave its first state, see {@link BbrStartup}.
 * </ul>
 */
public final class BbrWatch extends ChannelInboundHandlerAdapter {
    /** TCP_CC_INFO of IPPROTO_TCP, as in Linux's netinet/tcp.h: tcp_bbr_info of linux/inet_diag.h. */
    private static final RawUnixChannelOption STATE = new RawUnixChannelOption("TCP_CC_INFO", 6, 26, 20);

    private static final int BANDWIDTH = 0;
    private static final int MIN_RTT = 8;
    private static final int PACING_GAIN = 12;
    private static final int CWND_GAIN = 16;
    /** The gain for the window in PROBE_RTT, and in no other state. Gains are fractions of 256. */
    private static final int PROBING = 256;
    /** The gain for pacing in STARTUP, 2 / ln(2), and in no other state. */
    private static final int HIGH = 739;

    private static final int UNLIMITED = -1;

    /** Who has not been held up by the kernel for so long has no bulk to send. */
    private static final long BUSY = TimeUnit.SECONDS.toNanos(1);

    private final Channel channel;
    private final MuxConnection connection;
    private final ProbeRtt forecast = new ProbeRtt(System.nanoTime());
    private final BbrStartup startup = new BbrStartup();
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
                look();
            }
        }
        ctx.fireChannelWritabilityChanged();
    }

    private void look() {
        if (!channel.eventLoop().inEventLoop()) { // it has gone to that of another session
            channel.eventLoop().execute(this::look);
            return;
        }
        ByteBuffer state = state();
        if (state == null) {
            return;
        }
        long now = System.nanoTime();
        state.order(ByteOrder.nativeOrder());
        forecast.look(now, state.getInt(MIN_RTT), state.getInt(CWND_GAIN) == PROBING);
        hold(forecast.bulkWaits());
        long bandwidth = bandwidth(state);
        giveAhead(SessionSocket.unsent(bandwidth));
        boolean isHeldUp = !channel.isWritable();
        pace(startup.limit(now, isHeldUp, state.getInt(PACING_GAIN) == HIGH, bandwidth));
        if (isHeldUp) {
            busyAt = now;
        }
        looking = holding || now - busyAt < BUSY;
        if (looking) {
            channel.eventLoop().schedule(this::look, forecast.untilNextLook(), TimeUnit.NANOSECONDS);
        }
    }

    private @Nullable ByteBuffer state() {
        try {
            return channel.isActive() ? channel.config().getOption(STATE) : null;
        } catch (ChannelException e) {
            return null; // it is closed
        }
    }

    /** Bytes a second; its lower half stands first on every machine. */
    private static long bandwidth(ByteBuffer state) {
        return Integer.toUnsignedLong(state.getInt(BANDWIDTH)) | ((long) state.getInt(BANDWIDTH + 4) << 32);
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
