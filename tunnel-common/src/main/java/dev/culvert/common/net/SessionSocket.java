package dev.culvert.common.net;

import dev.culvert.mux.MuxConnection;
import io.netty.channel.Channel;
import io.netty.channel.ChannelOption;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/** What the TCP connection of a session is given: it has all streams in it, and mostly the long way to go. */
public final class SessionSocket {
    /** More than this need not be in flight: 1 Gbit/s for 134 ms. */
    private static final int SEND_BUFFER = 16 << 20;

    private final int userTimeout;
    private final boolean mayGrow;

    /**
     * Reads settings of the kernel: for start-up, not for event loops.
     *
     * @param userTimeout how long sent data may stay unacknowledged before the connection is given up; below 25 days
     */
    public SessionSocket(Duration userTimeout) {
        this.userTimeout = Math.toIntExact(userTimeout.toMillis());
        mayGrow = mayGrow(Path.of("/proc/sys/net"));
    }

    /** Sets the options of a session's socket. From any thread; nothing depends on any of them. */
    public void fit(Channel channel) {
        TcpOption.USER_TIMEOUT.set(channel, userTimeout);
        boolean bounded = TcpOption.UNSENT_LOW_WATER.set(channel, MuxConnection.UNSENT_LOW_WATER);
        if (bounded && mayGrow) {
            channel.config().setOption(ChannelOption.SO_SNDBUF, SEND_BUFFER);
        }
    }

    /**
     * Whether a send buffer of our own choice can be larger than the one that TCP itself grows to. A socket is writable again
     * when a third of its buffer is free, and gets no more than the low-water mark then: so of TCP's own buffer two thirds
     * are in flight at most, and a long path wants more. The kernel doubles what it is asked for, up to twice
     * wmem_max (socket(7), SO_SNDBUF; tcp(7), tcp_wmem).
     */
    static boolean mayGrow(Path sysctl) {
        try {
            long most = Long.parseLong(
                    Files.readString(sysctl.resolve("core/wmem_max")).strip());
            String[] own =
                    Files.readString(sysctl.resolve("ipv4/tcp_wmem")).strip().split("\\s+", -1);
            return 2 * most > Long.parseLong(own[own.length - 1]);
        } catch (IOException | NumberFormatException e) {
            return false; // not Linux, or not to be read
        }
    }
}
