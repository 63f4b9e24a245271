package dev.culvert.common.net;

import dev.culvert.mux.Address;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.UnixPath;
import io.netty.channel.unix.FileDescriptor;
import java.io.IOException;
import java.net.InetSocketAddress;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A socket that another process has made, and that listens already.
 *
 * @param place what it listens for, see {@link Listeners.Place#place}
 * @param address where it listens; empty: as systemd says, and not the configuration
 * @param descriptor of this process; whoever takes the socket owns it
 */
public record ListeningSocket(String place, String address, int descriptor) {
    private static final Logger LOG = LoggerFactory.getLogger(ListeningSocket.class);

    /** Whether it is a socket of UDP. */
    public boolean isOfDatagrams() {
        return address.startsWith(AllowRule.UDP);
    }

    /** Whether systemd has made it, or whoever had it from systemd. */
    boolean isSystemds() {
        return address.isEmpty();
    }

    /** Whether it listens where a place is to be. On port 0 every place has a port of its own. */
    boolean fits(Listeners.Place next) {
        if (isSystemds() || Listeners.isOfAnyPort(next.listen())) {
            return place.equals(next.place());
        }
        if (next.listen() instanceof HostPort tcp) {
            return address.equals(
                    HostPort.of(new InetSocketAddress(tcp.host(), tcp.port())).toString());
        }
        return address.equals(next.listen().toString());
    }

    /** Nobody listens for that any more: a unix socket's file goes as well. */
    void abandon() {
        close();
        if (Address.parse(address) instanceof UnixPath path) {
            try {
                SocketFile.remove(path);
            } catch (IOException e) {
                LOG.warn("{}: cannot remove {}: {}", place, address, e.toString());
            }
        }
    }

    /** Nobody here accepts from it; other processes that have it go on. */
    public void close() {
        try {
            new FileDescriptor(descriptor).close();
        } catch (IOException e) {
            LOG.warn("{}: cannot close the socket on {}: {}", place, address, e.toString());
        }
    }
}
