package dev.culvert.common.net;

import io.netty.channel.ChannelFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollDatagramChannel;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.DatagramChannel;
import io.netty.channel.socket.ServerSocketChannel;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioDatagramChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.util.concurrent.DefaultThreadFactory;

/** How sockets are driven: event loops, and the channels that run on them. Channels of one transport need its loops. */
public enum Transport {
    /** Linux epoll, through Netty's native library. */
    EPOLL,
    /** The selectors of the JDK, for every machine without the native library. */
    NIO;

    /** The fastest transport that works on this machine. */
    public static Transport best() {
        return Epoll.isAvailable() ? EPOLL : NIO;
    }

    /**
     * Starts event loops, one thread each; the caller shuts them down.
     *
     * @param threads 1 or more
     * @param name what the threads are called, in front of their number
     */
    public MultiThreadIoEventLoopGroup newEventLoops(int threads, String name) {
        return new MultiThreadIoEventLoopGroup(
                threads,
                new DefaultThreadFactory(name),
                switch (this) {
                    case EPOLL -> SteadyEpoll.newFactory();
                    case NIO -> NioIoHandler.newFactory();
                });
    }

    /** Makes outgoing TCP sockets; throws ChannelException when there is no file descriptor left. */
    public ChannelFactory<? extends SocketChannel> sockets() {
        return switch (this) {
            case EPOLL -> EpollSocketChannel::new;
            case NIO -> NioSocketChannel::new;
        };
    }

    /** Makes listening TCP sockets; throws ChannelException when there is no file descriptor left. */
    public ChannelFactory<? extends ServerSocketChannel> serverSockets() {
        return switch (this) {
            case EPOLL -> EpollServerSocketChannel::new;
            case NIO -> NioServerSocketChannel::new;
        };
    }

    /** Makes UDP sockets; throws ChannelException when there is no file descriptor left. */
    public ChannelFactory<? extends DatagramChannel> datagrams() {
        return switch (this) {
            case EPOLL -> EpollDatagramChannel::new;
            case NIO -> NioDatagramChannel::new;
        };
    }
}
