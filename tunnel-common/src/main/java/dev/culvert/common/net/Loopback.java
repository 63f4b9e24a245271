package dev.culvert.common.net;

import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.unix.RawUnixChannelOption;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * TCP that stays on this machine: there is no link to be shared, so the plainest congestion control is the best. A system
 * whose default is BBR paces each packet by a timer, which halves what loopback carries. Reno is in every kernel and open
 * to every user (tcp(7), TCP_CONGESTION).
 */
final class Loopback {
    private static final byte[] RENO = "reno".getBytes(StandardCharsets.US_ASCII);
    /** IPPROTO_TCP and TCP_CONGESTION, as in Linux's netinet/tcp.h. */
    private static final RawUnixChannelOption CONGESTION =
            new RawUnixChannelOption("TCP_CONGESTION", 6, 13, RENO.length);

    private Loopback() {}

    /**
     * Fits a socket to its address, if that is a loopback address: of a listening socket its own, and all that it accepts is
     * fitted with it; else the one that it will connect to. Where that can not be done, the socket works as any other.
     */
    static void fit(Channel channel, InetSocketAddress address) {
        if (address.getAddress().isLoopbackAddress()) {
            try {
                channel.config().setOption(CONGESTION, ByteBuffer.wrap(RENO));
            } catch (ChannelException e) {
                // the system's default, then
            }
        }
    }
}
