package dev.culvert.common.net;

import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.ChannelOption;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.socket.nio.NioChannelOption;
import io.netty.channel.unix.IntegerUnixChannelOption;
import jdk.net.ExtendedSocketOptions;

/**
 * A TCP option that not every transport can set. Where it cannot be set, the socket works on with the system's default:
 * these options make trouble show sooner, nothing depends on them.
 */
public enum TcpOption {
    /** How long sent data may stay unacknowledged before the connection is given up, in milliseconds (RFC 5482). */
    USER_TIMEOUT,
    /** How many unsent bytes the kernel holds before the socket stops being writable. */
    UNSENT_LOW_WATER,
    /**
     * How much the kernel sends at most, in bytes a second, where its congestion control spaces packets; -1: as much as
     * that says.
     */
    PACING,
    /** How long a connection is idle before it is probed, in seconds; needs SO_KEEPALIVE. */
    KEEPALIVE_IDLE,
    /** The time between two probes, in seconds; needs SO_KEEPALIVE. */
    KEEPALIVE_INTERVAL,
    /** How many unanswered probes end a connection; needs SO_KEEPALIVE. */
    KEEPALIVE_PROBES;

    /** Of SOL_SOCKET, as in Linux's asm-generic/socket.h. */
    private static final IntegerUnixChannelOption MAX_PACING_RATE =
            new IntegerUnixChannelOption("SO_MAX_PACING_RATE", 1, 47);

    /**
     * Sets the option. From any thread.
     *
     * @param value in the option's own unit; 0 or more where nothing else is said
     * @return whether it was set; false, and nothing else, where the transport or the kernel does not know it
     */
    public boolean set(Channel channel, int value) {
        return switch (this) {
            case USER_TIMEOUT -> set(channel, EpollChannelOption.TCP_USER_TIMEOUT, value);
            case UNSENT_LOW_WATER -> set(channel, EpollChannelOption.TCP_NOTSENT_LOWAT, (long) value);
            case PACING -> set(channel, MAX_PACING_RATE, value);
            case KEEPALIVE_IDLE ->
                set(channel, EpollChannelOption.TCP_KEEPIDLE, value)
                        || set(channel, NioChannelOption.of(ExtendedSocketOptions.TCP_KEEPIDLE), value);
            case KEEPALIVE_INTERVAL ->
                set(channel, EpollChannelOption.TCP_KEEPINTVL, value)
                        || set(channel, NioChannelOption.of(ExtendedSocketOptions.TCP_KEEPINTERVAL), value);
            case KEEPALIVE_PROBES ->
                set(channel, EpollChannelOption.TCP_KEEPCNT, value)
                        || set(channel, NioChannelOption.of(ExtendedSocketOptions.TCP_KEEPCOUNT), value);
        };
    }

    private static <T> boolean set(Channel channel, ChannelOption<T> option, T value) {
        try {
            return channel.config().setOption(option, value);
        } catch (ChannelException e) {
            return false;
        }
    }
}
