package dev.culvert.common.net;

import dev.culvert.mux.MuxConnection;
import io.netty.channel.Channel;

/**
 * What BBR needs:
 *
 * <ul>
 *   <li>Bulk waits in the moments in which BBR sends next to nothing, see {@link ProbeRtt}: else a keystroke beside a
 *       download takes a fifth of a second now and then.
 *   <li>The kernel is given so much ahead that it does not run out of it, by the bandwidth that BBR has seen, see
 *       {@link SessionSocket#unsent}.
 *   <li>The kernel sends less for a moment where BBR would not leave its first state, see {@link BbrStartup}, and where
 *       it has left a queue on the path, see {@link StandingQueue}: BBR takes the most that it has seen of late for the
 *       bandwidth, and so sends a little more than there is, until the queue is almost as much as the path holds.
 * </ul>
 *
 * <p>Source: Linux, net/ipv4/tcp_bbr.c (bbr_update_bw, bbr_bw_rtts, bbr_cwnd_gain).
 */
final class BbrWatch extends PathWatch {
    private final ProbeRtt forecast = new ProbeRtt(System.nanoTime());
    private final BbrStartup startup = new BbrStartup();
    private final StandingQueue queue = new StandingQueue(System.nanoTime());
    private boolean holding;
    private int unsent = MuxConnection.UNSENT_LOW_WATER;

    BbrWatch(Channel channel, MuxConnection connection) {
        super(channel, connection);
    }

    @Override
    void begin(long now) {
        startup.begin(now);
    }

    @Override
    long look(long now, boolean isHeldUp) {
        BbrState bbr = BbrState.of(channel);
        TcpInfo tcp = TcpInfo.of(channel);
        if (bbr == null || tcp == null) {
            return NEVER;
        }
        forecast.look(now, bbr.shortest(), bbr.isProbeRtt());
        hold(forecast.bulkWaits());
        giveAhead(SessionSocket.unsent(bbr.bandwidth()));
        long bandwidth = isHeldUp && bbr.knowsBandwidth() ? bbr.bandwidth() : 0;
        PathState path = new PathState(tcp.roundTrip(), bbr.shortest(), bandwidth);
        pace(Math.max(startup.limit(now, isHeldUp, bbr), queue.limit(now, path)));
        long next = queue.isShrinking() ? ProbeRtt.CLOSE : forecast.untilNextLook();
        return Math.min(next, portion(bandwidth, tcp.unsent()));
    }

    @Override
    boolean hasToLook() {
        return holding;
    }

    private void giveAhead(int bytes) {
        if (unsent != bytes) {
            unsent = bytes;
            TcpOption.UNSENT_LOW_WATER.set(channel, bytes);
        }
    }

    private void hold(boolean on) {
        if (holding != on) {
            holding = on;
            connection.holdBulk(on);
        }
    }
}
