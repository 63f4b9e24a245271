package dev.culvert.common.net;

import io.netty.channel.Channel;
import java.net.InetSocketAddress;

/**
 * TCP that stays on this machine: there is no link to be shared, so the plainest congestion control is the best. A
 * system whose default is BBR paces each packet by a timer, which halves what loopback carries. Reno is in every kernel
 * and open to every user (tcp(7), TCP_CONGESTION).
 */
final class Loopback {
    private Loopback() {}

    /**
     * Fits a socket to its address, if that is a loopback address: of a listening socket its own, and all that it
     * accepts is fitted with it; else the one that it will connect to. Where that cannot be done, the socket works as
     * any other.
     */
    static void fit(Channel channel, InetSocketAddress address) {
        if (address.getAddress().isLoopbackAddress()) {
            CongestionControl.use(channel, "reno");
        }
    }

    /** Whether a connection that is up does not leave this machine. */
    static boolean isUnder(Channel channel) {
        return channel.remoteAddress() instanceof InetSocketAddress address
                && address.getAddress().isLoopbackAddress();
    }
}
