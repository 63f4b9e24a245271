package dev.culvert.common.net;

import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.unix.RawUnixChannelOption;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * What the kernel tells of a connection whose congestion control is BBR.
 *
 * <p>Source: Linux, tcp_bbr_info in linux/inet_diag.h, and net/ipv4/tcp_bbr.c (bbr_get_info, bbr_high_gain,
 * bbr_pacing_gain).
 *
 * @param bandwidth that BBR has seen, bytes a second
 * @param shortest the shortest round trip that BBR knows, us
 * @param pacingGain by how much it sends more than the bandwidth, in 1/256
 * @param windowGain how many times what the path holds may be under way, in 1/256
 */
record BbrState(long bandwidth, int shortest, int pacingGain, int windowGain) {
    /** TCP_CC_INFO of IPPROTO_TCP, as in Linux's netinet/tcp.h. */
    private static final RawUnixChannelOption TCP_CC_INFO = new RawUnixChannelOption("TCP_CC_INFO", 6, 26, 20);

    /** The gain for pacing in STARTUP, 2 / ln(2), and in no other state. */
    private static final int HIGH = 739;
    /** The gain for pacing when more is looked for in PROBE_BW, 5/4; who does not know the bandwidth has more. */
    private static final int MORE = 320;
    /** The gain for the window in PROBE_RTT, and in no other state. */
    private static final int LEAST = 256;

    /** Event loop only. Null: the connection is closed. */
    static @Nullable BbrState of(Channel channel) {
        try {
            if (!channel.isActive()) {
                return null;
            }
            ByteBuffer bbr = channel.config().getOption(TCP_CC_INFO).order(ByteOrder.nativeOrder());
            long bandwidth = Integer.toUnsignedLong(bbr.getInt()) | ((long) bbr.getInt() << 32); // so on every machine
            return new BbrState(bandwidth, bbr.getInt(), bbr.getInt(), bbr.getInt());
        } catch (ChannelException e) {
            return null;
        }
    }

    boolean isStartup() {
        return pacingGain == HIGH;
    }

    boolean isProbeRtt() {
        return windowGain == LEAST;
    }

    boolean knowsBandwidth() {
        return pacingGain <= MORE;
    }
}
