package dev.culvert.server;

import dev.culvert.common.net.OutOfMemory;
import dev.culvert.common.web.WebSocketBytes;
import dev.culvert.mux.HostPort;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.EmptyHttpHeaders;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http.websocketx.WebSocketServerHandshaker13;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.Future;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Finds out how a client comes, by the first byte: a letter begins a request of HTTP, which has to be for a WebSocket
 * (RFC 6455, section 4.2) at the path that is configured; neither TLS nor a session begins with one. Anything else in
 * HTTP gets a plain 404. Then leaves the pipeline.
 */
final class Entrance extends ChannelInboundHandlerAdapter {
    /** Of the request line, and of all headers. */
    private static final int MAX_PART = 4 << 10;

    private final WebSocketConfig config;
    private final InetSocketAddress peer;
    private final Duration timeout;
    private final Listener listener;
    private @Nullable Future<?> deadline;
    private boolean over;
    private @Nullable HttpServerCodec codec;
    private @Nullable HttpRequest request;

    /** Hears, on the event loop, how a client comes; one of these, once. */
    interface Listener {
        /** Without HTTP. What has come goes to the handlers added now. */
        void onDirect();

        /** By a WebSocket, of which the handlers added now get the bytes. */
        void onWebSocket(HostPort from);

        /** Not at all, and the channel is being closed. */
        void onFailed(String reason);
    }

    /**
     * @param peer who has connected, as far as that is known: where a PROXY header has said it, not the load balancer
     * @param timeout for the first byte, and the request if it begins one
     */
    Entrance(WebSocketConfig config, InetSocketAddress peer, Duration timeout, Listener listener) {
        this.config = config;
        this.peer = peer;
        this.timeout = timeout;
        this.listener = listener;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        deadline = ctx.executor()
                .schedule(
                        () -> fail(ctx, codec == null ? "it has said nothing in time" : "no request in time"),
                        timeout.toNanos(),
                        TimeUnit.NANOSECONDS);
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        if (codec == null && message instanceof ByteBuf bytes && bytes.isReadable() && !over) {
            decide(ctx, bytes);
            return;
        }
        if (!over && message instanceof HttpRequest head) {
            request = head;
            if (!head.decoderResult().isSuccess()) {
                answer(ctx, head); // it has no end
            }
        } else if (!over && message instanceof LastHttpContent && request != null) {
            answer(ctx, request);
        }
        ReferenceCountUtil.release(message);
    }

    private void decide(ChannelHandlerContext ctx, ByteBuf bytes) {
        int first = bytes.getByte(bytes.readerIndex());
        if ('A' <= first && first <= 'Z') {
            codec = new HttpServerCodec(
                    new HttpDecoderConfig().setMaxInitialLineLength(MAX_PART).setMaxHeaderSize(MAX_PART));
            ctx.pipeline().addBefore(ctx.name(), null, codec);
            ctx.pipeline().fireChannelRead(bytes); // once more, to the codec
        } else {
            end();
            listener.onDirect();
            ctx.fireChannelRead(bytes);
            ctx.pipeline().remove(this);
        }
    }

    private void answer(ChannelHandlerContext ctx, HttpRequest head) {
        String refusal = refusal(head);
        if (refusal == null) {
            upgrade(ctx, head);
        } else {
            FullHttpResponse response = new DefaultFullHttpResponse(
                    HttpVersion.HTTP_1_1,
                    HttpResponseStatus.NOT_FOUND,
                    ByteBufUtil.writeAscii(ctx.alloc(), "not found\n"));
            response.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
            response.headers().set(HttpHeaderNames.CONTENT_TYPE, HttpHeaderValues.TEXT_PLAIN);
            HttpUtil.setContentLength(response, response.content().readableBytes());
            end();
            ctx.writeAndFlush(response).addListener(ChannelFutureListener.CLOSE);
            listener.onFailed(refusal);
        }
    }

    /** Why this is not the request that we wait for; null: it is. */
    private @Nullable String refusal(HttpRequest head) {
        HttpHeaders headers = head.headers();
        if (!head.decoderResult().isSuccess()) {
            return "it has sent no request of HTTP, or one with more than 4 KiB in its first line or in its headers";
        } else if (!head.uri().equals(config.path()) && !head.uri().startsWith(config.path() + "?")) {
            return "a request of HTTP for another path than websocket.path";
        } else if (!head.method().equals(HttpMethod.GET)
                || !headers.contains(HttpHeaderNames.UPGRADE, HttpHeaderValues.WEBSOCKET, true)
                || !headers.containsValue(HttpHeaderNames.CONNECTION, HttpHeaderValues.UPGRADE, true)
                || !headers.contains(HttpHeaderNames.SEC_WEBSOCKET_KEY)
                || !headers.contains(HttpHeaderNames.SEC_WEBSOCKET_VERSION, "13", true)
                || HttpUtil.isContentLengthSet(head)
                || HttpUtil.isTransferEncodingChunked(head)) {
            return "a request of HTTP that is not for a WebSocket; if it was when the client sent it, the web server has to pass"
                    + " on the headers Upgrade and Connection";
        } else if (headers.contains(HttpHeaderNames.ORIGIN)) {
            return "a request for a WebSocket with an Origin: pages in browsers are no clients";
        }
        return null;
    }

    private void upgrade(ChannelHandlerContext ctx, HttpRequest head) {
        HttpHeaders headers = head.headers();
        HostPort from = config.client(peer, headers.getAll("X-Forwarded-For"));
        new WebSocketServerHandshaker13(config.path(), null, WebSocketBytes.decoderConfig(true))
                .handshake(
                        ctx.channel(),
                        new DefaultFullHttpRequest(
                                head.protocolVersion(),
                                head.method(),
                                head.uri(),
                                Unpooled.EMPTY_BUFFER,
                                headers,
                                EmptyHttpHeaders.INSTANCE));
        end();
        ctx.pipeline().addLast(new WebSocketBytes());
        listener.onWebSocket(from);
        ctx.pipeline().remove(this);
    }

    private void end() {
        over = true;
        if (deadline != null) {
            deadline.cancel(false);
        }
    }

    private void fail(ChannelHandlerContext ctx, String reason) {
        if (!over) {
            end();
            ctx.close();
            listener.onFailed(reason);
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        fail(ctx, "the peer closed the connection before it said what it wants");
        ctx.fireChannelInactive();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        OutOfMemory.check(cause);
        fail(ctx, "the connection failed: " + cause.getMessage());
    }
}
