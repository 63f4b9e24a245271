package dev.culvert.common.tls;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.mux.HostPort;
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.ssl.SslContextBuilder;
import io.netty.handler.ssl.SslHandler;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class TargetTlsTest {
    private static final Duration PATIENCE = Duration.ofSeconds(10);
    private static final int BUFFER = 64 << 10;
    private static final Identity TARGET = SelfSigned.make("target");

    private final EventLoopGroup loops = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());

    @AfterEach
    void stop() {
        loops.shutdownGracefully(0, 5, TimeUnit.SECONDS).syncUninterruptibly();
    }

    /** In place of the splice, whose stream is the target itself. */
    private static final class Stream extends SimpleChannelInboundHandler<ByteBuf> {
        final SslHandler tls = SslContextBuilder.forServer(TARGET.key(), TARGET.chain())
                .build()
                .newHandler(ByteBufAllocator.DEFAULT);
        final EmbeddedChannel target = new EmbeddedChannel(tls);

        Stream() throws Exception {}

        @Override
        protected void channelRead0(ChannelHandlerContext ctx, ByteBuf encrypted) {
            target.writeInbound(encrypted.retain());
        }

        /** Until the target has no more to say. */
        void pass(Channel channel) {
            for (ByteBuf said = target.readOutbound(); said != null; said = target.readOutbound()) {
                channel.write(said);
            }
        }
    }

    /** Much of it waits for the application's socket when the target ends. */
    @Test
    void whoReadsSlowlyHearsTheTargetToTheEnd() throws Exception {
        byte[] much = new byte[64 * BUFFER];
        new Random(1).nextBytes(much);
        WebTls how = WebTls.toTarget(new HostPort("target", 443), Optional.empty(), PATIENCE);
        SslHandler trusting = SslContextBuilder.forClient()
                .trustManager(TARGET.chain())
                .endpointIdentificationAlgorithm(null)
                .build()
                .newHandler(ByteBufAllocator.DEFAULT);
        Stream stream = new Stream();
        try (ServerSocket listening = new ServerSocket()) {
            listening.setReceiveBufferSize(BUFFER);
            listening.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            Channel channel = new Bootstrap()
                    .group(loops)
                    .channel(NioSocketChannel.class)
                    .option(ChannelOption.SO_SNDBUF, BUFFER)
                    .option(ChannelOption.AUTO_READ, false)
                    .handler(new ChannelInitializer<>() {
                        @Override
                        protected void initChannel(Channel of) {
                            of.pipeline().addLast(new TargetTls(how, trusting, PATIENCE), stream);
                        }
                    })
                    .connect(listening.getLocalSocketAddress())
                    .sync()
                    .channel();
            try (Socket application = listening.accept()) {
                application.setSoTimeout((int) PATIENCE.toMillis());
                channel.eventLoop()
                        .submit(() -> {
                            channel.read();
                            stream.pass(channel);
                            stream.target.writeOutbound(Unpooled.wrappedBuffer(much));
                            stream.tls.closeOutbound();
                            stream.pass(channel);
                            channel.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(ChannelFutureListener.CLOSE);
                        })
                        .get(PATIENCE.toSeconds(), TimeUnit.SECONDS);

                byte[] heard = application.getInputStream().readAllBytes();
                assertThat(Arrays.mismatch(heard, much)).as("where it differs").isNegative();
            }
        }
        stream.target.finishAndReleaseAll();
    }

    /** As when the target could not be dialled: the end of TLS is then our own doing. */
    @Test
    void aConnectionThatEndsBeforeTheHandshakeIsNotSaidToHaveFailedInIt() throws Exception {
        WebTls how = WebTls.toTarget(new HostPort("target", 443), Optional.empty(), PATIENCE);
        EmbeddedChannel channel =
                new EmbeddedChannel(new TargetTls(how, how.newHandler(ByteBufAllocator.DEFAULT), PATIENCE));
        channel.read();
        assertThat(channel.releaseInbound()).as("it has begun").isTrue();

        channel.close();

        channel.checkException();
        assertThat(channel.finishAndReleaseAll()).isFalse();
    }
}
