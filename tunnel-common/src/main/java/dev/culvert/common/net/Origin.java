package dev.culvert.common.net;

import dev.culvert.mux.HostPort;
import io.netty.channel.Channel;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.unix.PeerCredentials;
import io.netty.handler.codec.haproxy.HAProxyCommand;
import io.netty.handler.codec.haproxy.HAProxyMessage;
import io.netty.util.NetUtil;
import java.io.IOException;
import java.net.InetAddress;
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

    /**
     * What a PROXY protocol header says; null: nothing, as for a connection of the proxy's own, or one by a unix
     * socket.
     */
    public static @Nullable Origin of(HAProxyMessage header) {
        if (header.command() != HAProxyCommand.PROXY) {
            return null;
        }
        InetSocketAddress from = address(header.sourceAddress(), header.sourcePort());
        InetSocketAddress to = address(header.destinationAddress(), header.destinationPort());
        return from == null || to == null ? null : of(from, to);
    }

    private static @Nullable InetSocketAddress address(@Nullable String host, int port) {
        InetAddress ip = host == null ? null : NetUtil.createInetAddressFromIpAddressString(host);
        return ip == null ? null : new InetSocketAddress(ip, port);
    }

    /** For open requests; null: it has none. */
    public @Nullable HostPort address() {
        return from == null ? null : HostPort.of(from);
    }
}
