package dev.culvert.common.net;

import dev.culvert.mux.MuxConnection;
import io.netty.channel.Channel;
import io.netty.channel.ChannelOption;
import java.time.Duration;
import java.util.List;

/** What the TCP connection of a session is given: it has all streams in it, and mostly the long way to go. */
public final class SessionSocket {
    /** More than this need not be in flight: 1 Gbit/s for 134 ms. */
    private static final int SEND_BUFFER = 16 << 20;

    /**
     * What a path takes in so many milliseconds may be unsent: who shares two cores with others may be away for as
     * long.
     */
    private static final int AWAY_MILLIS = 2;
    /** Never more than so many times the {@link MuxConnection#UNSENT_LOW_WATER}: 2 MiB. */
    private static final int MOST_UNSENT = 64;

    /** What the path takes in so many milliseconds may stand before a keystroke: less than one hears or sees. */
    private static final int AHEAD_MILLIS = 5;
    /** Some packets. */
    private static final int LEAST_AHEAD = 4 << 10;
    /** So much the kernel takes whatever the low-water mark: it looks at that only when it begins a new buffer. */
    private static final int TAKEN = 64 << 10;

    private final int userTimeout;
    private final boolean mayGrow;

    /**
     * Reads settings of the kernel: for start-up, not for event loops.
     *
     * @param userTimeout how long sent data may stay unacknowledged before the connection is given up; below 25 days
     */
    public SessionSocket(Duration userTimeout) {
        this.userTimeout = Math.toIntExact(userTimeout.toMillis());
        mayGrow = mayGrow(Sysctl.KERNEL);
    }

    /** Sets the options of a session's socket, before it is read. From any thread; nothing depends on any of them. */
    public void fit(Channel channel) {
        channel.config().setRecvByteBufAllocator(MuxConnection.reads());
        TcpOption.USER_TIMEOUT.set(channel, userTimeout);
        boolean bounded = TcpOption.UNSENT_LOW_WATER.set(channel, MuxConnection.UNSENT_LOW_WATER);
        if (bounded && mayGrow) {
            channel.config().setOption(ChannelOption.SO_SNDBUF, SEND_BUFFER);
        }
    }

    /**
     * How much the kernel should be given ahead where the path takes so many bytes a second, bytes. Below 260 Mbit/s
     * that is the {@link MuxConnection#UNSENT_LOW_WATER}; above, all that would have been sent before the event loop
     * comes back. BBR takes what is missing then for what the application does not have, and what it sees does not
     * count; see {@link BbrStartup}.
     */
    static int unsent(long bytesPerSecond) {
        long steps = bytesPerSecond / 1_000 * AWAY_MILLIS / MuxConnection.UNSENT_LOW_WATER;
        return (int) Math.max(1, Math.min(MOST_UNSENT, steps)) * MuxConnection.UNSENT_LOW_WATER;
    }

    /**
     * What should be given to the kernel at most before it has sent it where the path takes so many bytes a second,
     * bytes, or {@link MuxConnection#UNLIMITED} where that is as much as the kernel takes by itself.
     *
     * @param bytesPerSecond 0: nobody knows
     */
    static int ahead(long bytesPerSecond) {
        long ahead = Math.max(LEAST_AHEAD, bytesPerSecond / 1_000 * AHEAD_MILLIS);
        return bytesPerSecond == 0 || ahead > TAKEN ? MuxConnection.UNLIMITED : (int) ahead;
    }

    /**
     * Whether a send buffer of our own choice can be larger than the one that TCP itself grows to. A socket is writable
     * again when a third of its buffer is free, and gets no more than the low-water mark then: so of TCP's own buffer
     * two thirds are in flight at most, and a long path wants more. The kernel doubles what it is asked for, up to
     * twice wmem_max (socket(7), SO_SNDBUF; tcp(7), tcp_wmem).
     */
    static boolean mayGrow(Sysctl sysctl) {
        List<Long> most = sysctl.read("net.core.wmem_max");
        List<Long> own = sysctl.read("net.ipv4.tcp_wmem");
        return !most.isEmpty() && !own.isEmpty() && 2 * most.get(0) > own.get(own.size() - 1);
    }
}
