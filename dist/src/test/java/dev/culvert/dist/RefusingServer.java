package dev.culvert.dist;

import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.MuxConnection;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.MuxSettings;
import dev.culvert.mux.MuxStream;
import dev.culvert.mux.ProtocolVersion;
import dev.culvert.mux.SessionListener;
import dev.culvert.mux.StreamListener;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A server, without TLS, that resets each stream when some bytes of it have come: with the code for what it has not
 * processed, as one that drains does with what was asked before its client could know; or with another.
 */
final class RefusingServer implements AutoCloseable {
    private final EventLoopGroup loops = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    private final AtomicInteger asked = new AtomicInteger();
    private final Channel listening;

    RefusingServer(ErrorCode code) {
        listening = new ServerBootstrap()
                .group(loops)
                .channel(NioServerSocketChannel.class)
                .childHandler(new ChannelInitializer<SocketChannel>() {
                    @Override
                    protected void initChannel(SocketChannel channel) {
                        channel.pipeline().addLast(new MuxConnection(session(code)));
                    }
                })
                .bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0))
                .syncUninterruptibly()
                .channel();
    }

    private MuxSession session(ErrorCode code) {
        return new MuxSession(MuxSession.Role.SERVER, MuxSettings.of(ProtocolVersion.CULVERT), new SessionListener() {
            @Override
            public void onStream(MuxSession session, MuxStream stream) {
                asked.incrementAndGet();
                stream.attach(new Refusal(code));
            }

            @Override
            public void onClosed(MuxSession session, ErrorCode why, String text) {}
        });
    }

    private record Refusal(ErrorCode code) implements StreamListener {
        @Override
        public void onData(MuxStream stream, ByteBuf data) {
            data.release();
            stream.session().goAway(ErrorCode.DRAINING, "of this test");
            stream.reset(code, "of this test");
        }

        @Override
        public void onFin(MuxStream stream) {}

        @Override
        public void onReset(MuxStream stream, ErrorCode why, String text) {}
    }

    int port() {
        return ((InetSocketAddress) listening.localAddress()).getPort();
    }

    /** How many streams it was asked for. */
    int asked() {
        return asked.get();
    }

    @Override
    public void close() {
        loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
    }
}
