package dev.culvert.common.systemd;

import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoop;
import io.netty.channel.epoll.EpollDomainDatagramChannel;
import io.netty.channel.unix.DomainSocketAddress;
import java.nio.charset.StandardCharsets;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A unix datagram socket connected to systemd, one datagram a message. It is closed with its event loop. */
final class NotifySocket implements SystemdNotifier {
    private static final Logger log = LoggerFactory.getLogger(NotifySocket.class);

    private final EventLoop loop;
    private final ChannelFuture connected;

    /** @param address an absolute path, or {@code @} and an abstract name (unix(7)) */
    NotifySocket(String address, EventLoop loop) {
        this.loop = loop;
        String path = address.startsWith("@") ? "\0" + address.substring(1) : address;
        connected = new Bootstrap()
                .group(loop)
                .channel(EpollDomainDatagramChannel.class)
                .handler(new ChannelInboundHandlerAdapter())
                .disableResolver()
                .connect(new DomainSocketAddress(path))
                .addListener(done -> {
                    if (!done.isSuccess()) {
                        log.warn(
                                "systemd will not be notified: NOTIFY_SOCKET={}: {}",
                                address,
                                done.cause().toString());
                    }
                });
    }

    /** Waits, without a thread, for the connection: listeners are called in the order in which they were added. */
    @Override
    public void send(String assignment) {
        if (loop.isShuttingDown()) { // and would not tell a listener any more
            return;
        }
        connected.addListener(done -> {
            if (done.isSuccess()) {
                write(assignment);
            }
        });
    }

    private void write(String assignment) {
        connected
                .channel()
                .writeAndFlush(Unpooled.copiedBuffer(assignment, StandardCharsets.UTF_8))
                .addListener(done -> {
                    if (!done.isSuccess()) {
                        log.debug(
                                "systemd was not told {}: {}",
                                assignment,
                                done.cause().toString());
                    }
                });
    }
}
