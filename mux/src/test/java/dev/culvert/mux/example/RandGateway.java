package dev.culvert.mux.example;

import static io.netty.handler.codec.http.HttpHeaderNames.CONTENT_LENGTH;
import static io.netty.handler.codec.http.HttpResponseStatus.BAD_GATEWAY;
import static io.netty.handler.codec.http.HttpResponseStatus.NOT_FOUND;
import static io.netty.handler.codec.http.HttpResponseStatus.OK;

import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.MuxStream;
import dev.culvert.mux.OpenRequest;
import dev.culvert.mux.StreamListener;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandler.Sharable;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.EventLoop;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** {@code GET /rand}: a number from the {@link RandService}, by a new stream of the next session of a pool. */
@Sharable
final class RandGateway extends SimpleChannelInboundHandler<HttpRequest> {
    /** A session and the event loop that it must be used on. */
    record Upstream(MuxSession session, EventLoop loop) {}

    private final List<Upstream> pool;
    private final AtomicInteger next = new AtomicInteger();

    RandGateway(List<Upstream> pool) {
        this.pool = pool;
    }

    @Override
    protected void channelRead0(ChannelHandlerContext http, HttpRequest request) {
        if (!request.uri().equals("/rand")) {
            answer(http, NOT_FOUND, "try /rand\n");
            return;
        }
        Upstream upstream = pool.get(Math.floorMod(next.getAndIncrement(), pool.size()));
        upstream.loop.execute(() -> {
            if (upstream.session.isOpenable()) {
                MuxStream stream = upstream.session.open(OpenRequest.EMPTY, new Answer(http));
                stream.write(Unpooled.wrappedBuffer(RandService.REQUEST));
                stream.shutdownOutput(); // one number is enough
            } else {
                answer(http, BAD_GATEWAY, "no session\n");
            }
        });
    }

    private static void answer(ChannelHandlerContext http, HttpResponseStatus status, String text) {
        ByteBuf body = Unpooled.copiedBuffer(text, StandardCharsets.US_ASCII);
        DefaultFullHttpResponse response = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, status, body);
        response.headers().set(CONTENT_LENGTH, text.length());
        http.writeAndFlush(response);
    }

    /** Collects the eight bytes of one answer. */
    private static final class Answer implements StreamListener {
        private final ChannelHandlerContext http;
        private final ByteBuf bytes = Unpooled.buffer(Long.BYTES);

        Answer(ChannelHandlerContext http) {
            this.http = http;
        }

        @Override
        public void onData(MuxStream stream, ByteBuf data) {
            int n = data.readableBytes();
            bytes.writeBytes(data);
            data.release();
            stream.consumed(n);
        }

        @Override
        public void onFin(MuxStream stream) {
            if (bytes.readableBytes() == Long.BYTES) {
                answer(http, OK, Long.toUnsignedString(bytes.readLong()) + "\n");
            } else {
                answer(http, BAD_GATEWAY, "the service answered " + bytes.readableBytes() + " bytes\n");
            }
        }

        @Override
        public void onReset(MuxStream stream, ErrorCode code, String text) {
            answer(http, BAD_GATEWAY, code + "\n");
        }
    }
}
