package dev.culvert.server;

import dev.culvert.common.net.DatagramSockets;
import dev.culvert.common.net.OutOfMemory;
import dev.culvert.common.splice.Connection;
import dev.culvert.common.splice.DatagramMemory;
import dev.culvert.common.splice.Datagrams.Loss;
import dev.culvert.common.splice.Flow;
import dev.culvert.mux.MuxStream;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.DatagramChannel;
import io.netty.channel.socket.DatagramPacket;
import java.io.IOException;
import java.net.ConnectException;
import java.net.PortUnreachableException;

/**
 * The server's end of a flow: a UDP socket that is connected to the target. What goes wrong with single datagrams, also
 * that nobody listens there, is counted and does not end the flow. Event loop only.
 */
@SuppressWarnings("FutureReturnValueIgnored") // What a close comes to is of no interest.
final class UdpTarget extends ChannelInboundHandlerAdapter implements Flow.Socket {
    private final DatagramChannel channel;
    private final Flow flow;

    private UdpTarget(DatagramChannel channel, Connection connection, MuxStream stream, DatagramMemory memory) {
        this.channel = channel;
        flow = Flow.accept(channel.eventLoop(), connection, stream, memory, this);
    }

    /** Joins a connected socket and a stream that the client has opened. */
    static void join(DatagramChannel channel, Connection connection, MuxStream stream, DatagramMemory memory) {
        UdpTarget target = new UdpTarget(channel, connection, stream, memory);
        channel.pipeline().addLast(target);
        channel.config().setAutoRead(true);
        target.flow.begin();
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        DatagramPacket packet = (DatagramPacket) message;
        try {
            if (Flow.fits(packet.content())) {
                flow.send(Flow.frame(packet.content()));
            } else {
                flow.lose(Loss.TOO_LARGE);
            }
        } finally {
            packet.release();
        }
    }

    @Override
    public boolean send(ByteBuf datagram) {
        if (!datagram.isReadable()) {
            datagram.release();
            return sendEmpty();
        }
        if (!channel.isWritable()) {
            datagram.release();
            return false;
        }
        channel.write(datagram).addListener(written -> {
            if (!written.isSuccess()) {
                failed(written.cause());
            }
        });
        return true;
    }

    private boolean sendEmpty() {
        try {
            DatagramSockets.sendEmpty(channel, channel.remoteAddress());
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    private void failed(Throwable cause) {
        // The former when it is read, the latter when it is written.
        boolean unreachable = cause instanceof PortUnreachableException || cause instanceof ConnectException;
        flow.lose(unreachable ? Loss.UNREACHABLE : Loss.SOCKET);
    }

    @Override
    public void flush() {
        channel.flush();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        OutOfMemory.check(cause);
        failed(cause);
    }

    @Override
    public void ended(boolean refused) {
        channel.close();
    }
}
