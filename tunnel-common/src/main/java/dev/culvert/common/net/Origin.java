package dev.culvert.common.net;

import dev.culvert.mux.HostPort;
import io.netty.channel.Channel;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.unix.PeerCredentials;
import java.io.IOException;
import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * Who has connected, and where to.
 *
 * @param from null: it has no address, it is on this machine
 * @param to which of our addresses was asked for; null as well
 * @param words one word for logs: an address, or {@code unix:pid=4711,uid=1000} (unix(7), SO_PEERCRED)
 */
public record Origin(
        @Nullable InetSocketAddress from, @Nullable InetSocketAddress to, String words) {
    /** Nobody tells. */
    public static final Origin UNKNOWN = new Origin(null, null, "unknown");

    /** The other end of an accepted socket; null: it is gone already. */
    public static @Nullable Origin of(Channel channel) {
        if (channel instanceof SocketChannel tcp) {
            return tcp.remoteAddress() == null ? null : of(tcp.remoteAddress(), tcp.localAddress());
        }
        if (channel instanceof EpollDomainSocketChannel unix) {
            try {
                PeerCredentials peer = unix.peerCredentials();
                return new Origin(null, null, "unix:pid=" + peer.pid() + ",uid=" + peer.uid());
            } catch (IOException e) {
                return null;
            }
        }
        throw new IllegalArgumentException("no socket that is accepted: " + channel);
    }

    /** Of a connection by TCP. */
    public static Origin of(InetSocketAddress from, InetSocketAddress to) {
        return new Origin(from, to, HostPort.of(from).toString());
    }

    /** For open requests; null: it has none. */
    public @Nullable HostPort address() {
        return from == null ? null : HostPort.of(from);
    }
}
