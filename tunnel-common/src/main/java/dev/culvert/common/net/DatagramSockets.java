package dev.culvert.common.net;

import dev.culvert.mux.HostPort;
import dev.culvert.mux.SystemError;
import io.netty.channel.ChannelException;
import io.netty.channel.ChannelOption;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.socket.DatagramChannel;
import io.netty.channel.unix.Socket;
import io.netty.channel.unix.UnixChannel;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.nio.ByteBuffer;

/**
 * UDP sockets as flows want them: auto-read is off until somebody turns it on, a datagram is read whole however long it
 * is, and several with one call of the kernel (recvmmsg(2)) where the transport is epoll.
 */
public final class DatagramSockets {
    /** What a datagram can have at most, over IPv6, bytes. */
    private static final int LARGEST = 65_535;
    /**
     * So many are read at once where the senders are many. Netty sees empty datagrams only where it is more than one.
     */
    private static final int BATCH = 8;

    private static final int SMALL_BATCH = 2;

    /** What waits in the kernel while the loop is busy, bytes; it gives what net.core.rmem_max allows. */
    private static final int RECEIVE_BUFFER = 2 << 20;
    /** What a socket takes before its owner drops datagrams, bytes. */
    private static final int SEND_BUFFER = 1 << 20;
    /** What empty datagrams are sent from. */
    private static final ByteBuffer NOTHING = ByteBuffer.allocateDirect(1);

    private DatagramSockets() {}

    /** One that will connect; throws ChannelException when there is no file descriptor left. */
    static DatagramChannel connecting(Transport transport, InetSocketAddress to) {
        return ready(transport.newDatagramSocket(to), SMALL_BATCH);
    }

    /** One that will listen, the same. */
    public static DatagramChannel listening(Transport transport, InetSocketAddress on) {
        return forMany(transport.newDatagramSocket(on));
    }

    /**
     * One that is bound already, by its descriptor, which it owns from now on; throws ChannelException when that cannot
     * be.
     */
    public static DatagramChannel adopt(Transport transport, int descriptor) {
        return forMany(transport.adoptDatagramSocket(descriptor));
    }

    private static DatagramChannel forMany(DatagramChannel channel) {
        DatagramChannel ready = ready(channel, BATCH);
        ready.config().setOption(ChannelOption.SO_RCVBUF, RECEIVE_BUFFER);
        ready.config().setOption(ChannelOption.SO_SNDBUF, SEND_BUFFER);
        return ready;
    }

    private static DatagramChannel ready(DatagramChannel channel, int batch) {
        boolean epoll = channel instanceof UnixChannel;
        channel.config().setAutoRead(false);
        channel.config().setRecvByteBufAllocator(new FixedRecvByteBufAllocator(epoll ? batch * LARGEST : LARGEST));
        if (epoll) {
            channel.config().setOption(EpollChannelOption.MAX_DATAGRAM_PAYLOAD_SIZE, LARGEST);
        }
        return channel;
    }

    /**
     * Sends a datagram without a byte, which Netty's channels do not send: with a call of the kernel for each, at once.
     * Where the socket is full nobody is told. Event loop of the channel only.
     *
     * @throws IOException when it cannot be sent, as with NIO
     */
    public static void sendEmpty(DatagramChannel channel, InetSocketAddress to) throws IOException {
        if (!(channel instanceof UnixChannel unix && unix.fd() instanceof Socket socket && channel.isOpen())) {
            throw new SocketException("this needs the native epoll library");
        }
        socket.sendTo(NOTHING, 0, 0, to.getAddress(), to.getPort());
    }

    /** As {@link ListeningSocket} has the address of a socket of UDP. */
    public static String address(InetSocketAddress bound) {
        return AllowRule.UDP + HostPort.of(bound);
    }

    /** Why a socket cannot be had, as a cause of a {@link ChannelException}. */
    public static String why(Throwable failure) {
        Throwable cause =
                failure instanceof ChannelException && failure.getCause() != null ? failure.getCause() : failure;
        return SystemError.words(cause);
    }
}
