package dev.culvert.common.net;

import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.unix.RawUnixChannelOption;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * What the kernel tells of a TCP connection.
 *
 * <p>Source: Linux, tcp_info in linux/tcp.h.
 *
 * @param roundTrip as it is now, smoothed, us; 0: there was none yet
 * @param acknowledged bytes that the other side has acknowledged since the connection began
 * @param unsent bytes that the kernel has and has not sent
 */
record TcpInfo(long roundTrip, long acknowledged, int unsent) {
    /** Of IPPROTO_TCP, and as much of it as is read here. */
    private static final RawUnixChannelOption TCP_INFO = new RawUnixChannelOption("TCP_INFO", 6, 11, 148);

    private static final int RTT = 68;
    private static final int BYTES_ACKED = 120;
    private static final int NOTSENT_BYTES = 144;

    /** Event loop only. Null: the connection is closed, or no socket that tells. */
    static @Nullable TcpInfo of(Channel channel) {
        try {
            ByteBuffer info = channel.isActive() ? channel.config().getOption(TCP_INFO) : null;
            if (info == null) {
                return null;
            }
            info.order(ByteOrder.nativeOrder());
            return new TcpInfo(
                    Integer.toUnsignedLong(info.getInt(RTT)), info.getLong(BYTES_ACKED), info.getInt(NOTSENT_BYTES));
        } catch (ChannelException e) {
            return null;
        }
    }
}
