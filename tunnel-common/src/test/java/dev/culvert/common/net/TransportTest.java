package dev.culvert.common.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.socket.ChannelInputShutdownReadComplete;
import io.netty.channel.socket.nio.NioChannelOption;
import io.netty.channel.unix.IntegerUnixChannelOption;
import io.netty.util.ReferenceCountUtil;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
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

    /** The peer's FIN takes the last interest away; writing to a peer that does not read yet needs one again. */
    @ParameterizedTest
    @EnumSource(Transport.class)
    void aSocketGoesOnSendingAfterThePeersFin(Transport transport) throws Exception {
        assumeTrue(transport == Transport.NIO || Epoll.isAvailable());
        loops = transport.newEventLoops(1, "loop");
        CountDownLatch ended = new CountDownLatch(1);
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Channel channel = new Bootstrap()
                    .group(loops)
                    .channelFactory(transport.sockets())
                    .option(ChannelOption.ALLOW_HALF_CLOSURE, true)
                    .handler(new ChannelInboundHandlerAdapter() {
                        @Override
                        public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
                            if (event == ChannelInputShutdownReadComplete.INSTANCE) {
                                ctx.channel().config().setAutoRead(false);
                                ended.countDown();
                            }
                        }
                    })
                    .connect(server.getLocalSocketAddress())
                    .syncUninterruptibly()
                    .channel();
            try (Socket peer = server.accept()) {
                peer.shutdownOutput();
                assertThat(ended.await(10, TimeUnit.SECONDS)).isTrue();
                int size = 32 << 20;
                channel.writeAndFlush(Unpooled.wrappedBuffer(new byte[size])).addListener(written -> channel.close());
                channel.config().setAutoRead(true);

                assertThat(peer.getInputStream().readAllBytes().length).isEqualTo(size);
            }
        }
    }

    /** Some bytes at a time, as many as it is told to take, and what comes after them. */
    private static final class Reader extends ChannelInboundHandlerAdapter {
        private final AtomicInteger bytes = new AtomicInteger();
        private final CompletableFuture<String> end = new CompletableFuture<>();
        private volatile boolean takesAll;
        /** How often it reads before it has enough. */
        private int reads = 2;

        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            bytes.addAndGet(((ByteBuf) message).readableBytes());
            ReferenceCountUtil.release(message);
            ctx.channel().config().setAutoRead(takesAll || --reads > 0);
        }

        @Override
        public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
            end.complete("fin");
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            end.complete(String.valueOf(cause.getMessage()));
        }

        @Override
        public void channelInactive(ChannelHandlerContext ctx) {
            end.complete("closed");
        }

        Channel connect(Transport transport, EventLoopGroup loops, ServerSocket server) {
            return new Bootstrap()
                    .group(loops)
                    .channelFactory(transport.sockets())
                    .option(ChannelOption.ALLOW_HALF_CLOSURE, true)
                    .option(ChannelOption.RECVBUF_ALLOCATOR, new FixedRecvByteBufAllocator(1000).maxMessagesPerRead(1))
                    .handler(this)
                    .connect(server.getLocalSocketAddress())
                    .syncUninterruptibly()
                    .channel();
        }
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void aSocketThatNobodyReadsIsLeftAloneWhenItsPeerEnds(Transport transport) throws Exception {
        assumeTrue(transport == Transport.NIO || Epoll.isAvailable());
        loops = transport.newEventLoops(1, "loop");
        Reader reader = new Reader();
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Channel channel = reader.connect(transport, loops, server);
            try (Socket peer = server.accept()) {
                peer.getOutputStream().write(new byte[100_000]);
            }
            for (int i = 0; i < 3; i++) { // each of them behind a look for events
                channel.eventLoop().submit(() -> {}).get(10, TimeUnit.SECONDS);
            }
            assertThat(reader.bytes).hasValueLessThanOrEqualTo(2000);

            reader.takesAll = true;
            channel.config().setAutoRead(true);

            assertThat(reader.end.get(10, TimeUnit.SECONDS)).isEqualTo("fin");
            assertThat(reader.bytes).hasValue(100_000);
            channel.close().syncUninterruptibly();
        }
    }

    @Test
    void whatCameBeforeAResetIsReadAlsoWhereThereIsSomethingToWrite() throws Exception {
        assumeTrue(Epoll.isAvailable());
        loops = Transport.EPOLL.newEventLoops(1, "loop");
        Reader reader = new Reader();
        reader.takesAll = true;
        try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            Channel channel = reader.connect(Transport.EPOLL, loops, server);
            CountDownLatch over = new CountDownLatch(1);
            try (Socket peer = server.accept()) {
                channel.writeAndFlush(Unpooled.wrappedBuffer(new byte[32 << 20])); // more than sockets hold
                channel.eventLoop().submit(() -> {}).get(10, TimeUnit.SECONDS);
                channel.eventLoop().execute(() -> await(over)); // until both are there
                peer.getOutputStream().write(new byte[100]);
                peer.setSoLinger(true, 0);
            }
            over.countDown();

            assertThat(reader.end.get(10, TimeUnit.SECONDS)).isNotEqualTo("fin");
            assertThat(reader.bytes).hasValue(100);
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await(10, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** What came for a closed socket must not reach the new one that has its number. */
    @Test
    void aNewSocketIsNotReadBeforeItIsConnected() throws Exception {
        assumeTrue(Epoll.isAvailable());
        Transport transport = Transport.EPOLL;
        loops = transport.newEventLoops(1, "loop");
        Bootstrap bootstrap = new Bootstrap().group(loops).channelFactory(transport.sockets());
        Queue<String> events = new ConcurrentLinkedQueue<>();
        CountDownLatch connected = new CountDownLatch(1);
        try (ServerSocket server = new ServerSocket(0, 4, InetAddress.getLoopbackAddress())) {
            bootstrap
                    .handler(new ChannelInitializer<>() {
                        @Override
                        protected void initChannel(Channel channel) {}
                    })
                    .remoteAddress(server.getLocalSocketAddress());
            Channel closing = bootstrap.connect().syncUninterruptibly().channel();
            Socket toClosing = server.accept();
            Channel first = bootstrap.connect().syncUninterruptibly().channel();
            Socket toFirst = server.accept();
            first.pipeline().addLast(new ChannelInboundHandlerAdapter() {
                @Override
                public void channelRead(ChannelHandlerContext ctx, Object message) throws Exception {
                    ReferenceCountUtil.release(message);
                    closing.close();
                    Channel opened = transport.sockets().newChannel();
                    opened.config().setAutoRead(false);
                    opened.pipeline().addLast(new ChannelInboundHandlerAdapter() {
                        @Override
                        public void channelActive(ChannelHandlerContext ctx) {
                            events.add("active");
                            connected.countDown();
                        }

                        @Override
                        public void channelRead(ChannelHandlerContext ctx, Object message) {
                            ReferenceCountUtil.release(message);
                            events.add("read");
                        }
                    });
                    ctx.channel().eventLoop().register(opened);
                    opened.connect(server.getLocalSocketAddress());
                    server.accept().getOutputStream().write(1);
                }
            });
            CountDownLatch written = new CountDownLatch(1);
            CountDownLatch held = new CountDownLatch(1);
            loops.execute(
                    () -> { // both bytes shall come in one batch
                        held.countDown();
                        awaitUninterruptibly(written);
                    });
            held.await();
            toFirst.getOutputStream().write(1);
            toClosing.getOutputStream().write(1);
            written.countDown();

            assertThat(connected.await(10, TimeUnit.SECONDS)).isTrue();
            loops.submit(() -> {}).get();
            assertThat(events).startsWith("active"); // a read may follow, once the accepted socket is collected
        }
    }

    private static void awaitUninterruptibly(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void epollKnowsTheUserTimeoutTheUnsentLowWaterMarkAndPacing() {
        Channel channel = connect(Transport.EPOLL);

        assertThat(TcpOption.USER_TIMEOUT.set(channel, 30_000)).isTrue();
        assertThat(TcpOption.UNSENT_LOW_WATER.set(channel, 65_536)).isTrue();
        assertThat(TcpOption.PACING.set(channel, 125_000_000)).isTrue();

        assertThat(channel.config().getOption(EpollChannelOption.TCP_USER_TIMEOUT))
                .isEqualTo(30_000);
        assertThat(channel.config().getOption(EpollChannelOption.TCP_NOTSENT_LOWAT))
                .isEqualTo(65_536);
        ChannelOption<Integer> maxPacingRate = new IntegerUnixChannelOption("max pacing rate", 1, 47);
        assertThat(channel.config().getOption(maxPacingRate)).isEqualTo(125_000_000);
    }

    @Test
    void nioGoesOnWithoutWhatItCannotSet() {
        Channel channel = connect(Transport.NIO);

        assertThat(TcpOption.USER_TIMEOUT.set(channel, 30_000)).isFalse();
        assertThat(TcpOption.UNSENT_LOW_WATER.set(channel, 65_536)).isFalse();
        assertThat(TcpOption.PACING.set(channel, 125_000_000)).isFalse();
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
        InetSocketAddress free = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        Channel server = new ServerBootstrap()
                .group(loops)
                .channelFactory(() -> transport.newServerSocket(free))
                .childHandler(new ChannelInboundHandlerAdapter())
                .bind(free)
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
