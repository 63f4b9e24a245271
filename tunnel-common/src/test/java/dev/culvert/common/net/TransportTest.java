package dev.culvert.common.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.nio.NioChannelOption;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.concurrent.TimeUnit;
import jdk.net.ExtendedSocketOptions;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TransportTest {
    private @Nullable EventLoopGroup loops;

    @AfterEach
    void stop() {
        if (loops != null) {
            loops.shutdownGracefully(0, 0, TimeUnit.SECONDS).syncUninterruptibly();
        }
    }

    @Test
    void epollIsBestWhereItIsAvailable() {
        assertThat(Transport.best()).isEqualTo(Epoll.isAvailable() ? Transport.EPOLL : Transport.NIO);
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void itsSocketsConnectToItsServerSockets(Transport transport) {
        assertThat(connect(transport).isActive()).isTrue();
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void itsThreadsHaveTheName(Transport transport) throws Exception {
        Channel channel = connect(transport);

        assertThat(channel.eventLoop()
                        .submit(() -> Thread.currentThread().getName())
                        .get())
                .startsWith("loop-");
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void aSocketWhoseInputHasEndedStillWritesMoreThanItsBuffersHold(Transport transport) throws Exception {
        int size = 32 << 20;
        loops = transport.newEventLoops(1, "loop");
        Channel server = new ServerBootstrap()
                .group(loops)
                .channelFactory(transport.serverSockets())
                .childOption(ChannelOption.ALLOW_HALF_CLOSURE, true)
                .childHandler(new ChannelInboundHandlerAdapter() {
                    @Override
                    public void channelActive(ChannelHandlerContext ctx) {
                        ctx.pipeline().addLast(new AnswerAtEof(size));
                    }
                })
                .bind(InetAddress.getLoopbackAddress(), 0)
                .syncUninterruptibly()
                .channel();
        try (Socket socket = new Socket()) {
            socket.setSoTimeout(10_000);
            socket.connect(server.localAddress());
            socket.shutdownOutput();

            assertThat(socket.getInputStream().readNBytes(size)).hasSize(size);
            assertThat(socket.getInputStream().read()).isEqualTo(-1);
        }
    }

    /** Answers when the input has ended and its epoll interest is gone. */
    private static final class AnswerAtEof extends ChannelInboundHandlerAdapter {
        private final int size;

        AnswerAtEof(int size) {
            this.size = size;
        }

        @Override
        public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
            if (event == ChannelInputShutdownEvent.INSTANCE) {
                ctx.executor().schedule(() -> answer(ctx), 50, TimeUnit.MILLISECONDS);
            }
        }

        private void answer(ChannelHandlerContext ctx) {
            ctx.writeAndFlush(ctx.alloc().buffer(size).writeZero(size)).addListener(ChannelFutureListener.CLOSE);
        }
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void keepaliveIsTunedOnEveryTransport(Transport transport) {
        Channel channel = connect(transport);

        assertThat(TcpOption.KEEPALIVE_IDLE.set(channel, 11)).isTrue();
        assertThat(TcpOption.KEEPALIVE_INTERVAL.set(channel, 7)).isTrue();
        assertThat(TcpOption.KEEPALIVE_PROBES.set(channel, 3)).isTrue();

        boolean epoll = transport == Transport.EPOLL;
        assertThat(read(channel, epoll ? EpollChannelOption.TCP_KEEPIDLE : nio(ExtendedSocketOptions.TCP_KEEPIDLE)))
                .isEqualTo(11);
        assertThat(read(
                        channel,
                        epoll ? EpollChannelOption.TCP_KEEPINTVL : nio(ExtendedSocketOptions.TCP_KEEPINTERVAL)))
                .isEqualTo(7);
        assertThat(read(channel, epoll ? EpollChannelOption.TCP_KEEPCNT : nio(ExtendedSocketOptions.TCP_KEEPCOUNT)))
                .isEqualTo(3);
    }

    @Test
    void epollKnowsTheUserTimeoutAndTheUnsentLowWaterMark() {
        Channel channel = connect(Transport.EPOLL);

        assertThat(TcpOption.USER_TIMEOUT.set(channel, 30_000)).isTrue();
        assertThat(TcpOption.UNSENT_LOW_WATER.set(channel, 65_536)).isTrue();

        assertThat(channel.config().getOption(EpollChannelOption.TCP_USER_TIMEOUT))
                .isEqualTo(30_000);
        assertThat(channel.config().getOption(EpollChannelOption.TCP_NOTSENT_LOWAT))
                .isEqualTo(65_536);
    }

    @Test
    void nioGoesOnWithoutWhatItCannotSet() {
        Channel channel = connect(Transport.NIO);

        assertThat(TcpOption.USER_TIMEOUT.set(channel, 30_000)).isFalse();
        assertThat(TcpOption.UNSENT_LOW_WATER.set(channel, 65_536)).isFalse();
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void aClosedSocketIsLeftAlone(Transport transport) {
        Channel channel = connect(transport);
        channel.close().syncUninterruptibly();

        assertThat(TcpOption.KEEPALIVE_IDLE.set(channel, 11)).isFalse();
    }

    private Channel connect(Transport transport) {
        assumeTrue(transport == Transport.NIO || Epoll.isAvailable());
        loops = transport.newEventLoops(1, "loop");
        Channel server = new ServerBootstrap()
                .group(loops)
                .channelFactory(transport.serverSockets())
                .childHandler(new ChannelInboundHandlerAdapter())
                .bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                .syncUninterruptibly()
                .channel();
        return new Bootstrap()
                .group(loops)
                .channelFactory(transport.sockets())
                .handler(new ChannelInboundHandlerAdapter())
                .connect(server.localAddress())
                .syncUninterruptibly()
                .channel();
    }

    private static ChannelOption<Integer> nio(java.net.SocketOption<Integer> option) {
        return NioChannelOption.of(option);
    }

    private static int read(Channel channel, ChannelOption<Integer> option) {
        return channel.config().getOption(option);
    }
}
