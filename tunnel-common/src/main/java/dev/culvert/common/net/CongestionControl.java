package dev.culvert.common.net;

import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.unix.RawUnixChannelOption;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** Which congestion control a TCP socket has (tcp(7), TCP_CONGESTION), on Linux and with epoll. */
final class CongestionControl {
    /** Of IPPROTO_TCP, as in Linux's netinet/tcp.h. */
    private static final int IPPROTO_TCP = 6;

    private static final int TCP_CONGESTION = 13;
    /** TCP_CA_NAME_MAX, as any name is followed by NUL. */
    private static final int LONGEST = 16;

    private CongestionControl() {}

    private static RawUnixChannelOption option(int length) {
        return new RawUnixChannelOption("TCP_CONGESTION", IPPROTO_TCP, TCP_CONGESTION, length);
    }

    /** Its name, as in {@code bbr}; empty where that cannot be told. */
    static String of(Channel channel) {
        try {
            ByteBuffer name = channel.config().getOption(option(LONGEST));
            return name == null
                    ? ""
                    : StandardCharsets.US_ASCII.decode(name).toString().replace("\0", "");
        } catch (ChannelException e) {
            return ""; // the socket is closed
        }
    }

    /** Has a socket use another one. False: that cannot be, and it works on as it is. */
    static boolean use(Channel channel, String name) {
        byte[] bytes = name.getBytes(StandardCharsets.US_ASCII);
        try {
            return channel.config().setOption(option(bytes.length), ByteBuffer.wrap(bytes));
        } catch (ChannelException e) {
            return false;
        }
    }
}
