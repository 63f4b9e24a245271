package dev.culvert.common.net;

import dev.culvert.mux.HostPort;
import io.netty.channel.Channel;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.unix.PeerCredentials;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Who is at the other end of an accepted socket.
 *
 * @param address null: it has none, it is on this machine
 * @param words one word for logs: an address, or {@code unix:pid=4711,uid=1000} (unix(7), SO_PEERCRED)
 */
public record Origin(@Nullable HostPort address, String words) {
    /** Null: the peer is gone already. */
    public static @Nullable Origin of(Channel channel) {
        if (channel instanceof SocketChannel tcp) {
            return tcp.remoteAddress() == null ? null : of(HostPort.of(tcp.remoteAddress()));
        }
        if (channel instanceof EpollDomainSocketChannel unix) {
            try {
                PeerCredentials peer = unix.peerCredentials();
                return new Origin(null, "unix:pid=" + peer.pid() + ",uid=" + peer.uid());
            } catch (IOException e) {
                return null;
            }
        }
        return new Origin(null, "unix"); // NIO does not tell
    }

    private static Origin of(HostPort address) {
        return new Origin(address, address.toString());
    }
}
