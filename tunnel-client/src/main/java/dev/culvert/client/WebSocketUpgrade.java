package dev.culvert.client;

import dev.culvert.common.net.OutOfMemory;
import dev.culvert.common.tls.NotTls;
import dev.culvert.common.web.WebSocketBytes;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.EmptyHttpHeaders;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http.websocketx.WebSocketClientHandshaker;
import io.netty.handler.codec.http.websocketx.WebSocketClientHandshakerFactory;
import io.netty.handler.codec.http.websocketx.WebSocketHandshakeException;
import io.netty.handler.codec.http.websocketx.WebSocketVersion;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.Promise;
import java.io.IOException;
import java.net.URI;
import org.jspecify.annotations.Nullable;

/**
 * Asks a web server for a WebSocket (RFC 6455, section 4.1), inside its TLS where it speaks that, and then leaves the
 * pipeline. Has no deadline: whoever fails the promise, or cancels it, ends it. Event loop only.
 */
final class WebSocketUpgrade extends ChannelInboundHandlerAdapter {
    /** Of the status line, and of all headers. */
    private static final int MAX_HEAD = 8 << 10;

    private final WebWay way;
    private final Promise<Channel> through;
    private final WebSocketClientHandshaker handshaker;
    private @Nullable HttpResponse response;

    private WebSocketUpgrade(WebWay way, Promise<Channel> through) {
        this.way = way;
        this.through = through;
        handshaker = WebSocketClientHandshakerFactory.newHandshaker(
                URI.create(way.location().toString()),
                WebSocketVersion.V13,
                null,
                false,
                null,
                WebSocketBytes.MAX_FRAME,
                true,
                false,
                -1,
                false,
                false); // no Origin: we are no page of anybody
    }

    /**
     * Begins it.
     *
     * @param channel connected to the web server, auto-read off; the caller closes it if the promise fails
     * @param through gets the channel, auto-read off again. What comes goes to the handlers that its listeners add
     */
    static void begin(Channel channel, WebWay way, Promise<Channel> through) {
        channel.config().setOption(ChannelOption.ALLOW_HALF_CLOSURE, false);
        if (way.tls() != null) {
            channel.pipeline().addLast(way.tls().newHandler(channel.alloc()), new NotTls());
        }
        HttpDecoderConfig bounds =
                new HttpDecoderConfig().setMaxInitialLineLength(MAX_HEAD).setMaxHeaderSize(MAX_HEAD);
        WebSocketUpgrade upgrade = new WebSocketUpgrade(way, through);
        channel.pipeline().addLast(new HttpClientCodec(bounds, false, false), upgrade);
        upgrade.handshaker.handshake(channel); // if that fails, the connection has
        channel.config().setAutoRead(true);
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        if (message instanceof HttpResponse head) {
            response = head;
            if (!head.decoderResult().isSuccess()) {
                fail("the web server does not answer in HTTP");
            } else if (head.status().code() != HttpResponseStatus.SWITCHING_PROTOCOLS.code()) {
                fail(explain(head.status().code()));
            }
        } else if (message instanceof LastHttpContent && response != null && !through.isDone()) {
            finish(ctx, response);
        }
        ReferenceCountUtil.release(message);
    }

    private void finish(ChannelHandlerContext ctx, HttpResponse head) {
        try {
            handshaker.finishHandshake(
                    ctx.channel(),
                    new DefaultFullHttpResponse(
                            head.protocolVersion(),
                            head.status(),
                            Unpooled.EMPTY_BUFFER,
                            head.headers(),
                            EmptyHttpHeaders.INSTANCE));
        } catch (WebSocketHandshakeException e) {
            fail("the web server's answer is not that of a WebSocket: it has to pass on what the tunnel server says");
            return;
        }
        ctx.channel().config().setAutoRead(false);
        ctx.pipeline().addLast(new WebSocketBytes());
        through.trySuccess(ctx.channel());
        ctx.pipeline().remove(this);
    }

    private String explain(int status) {
        return "the web server does not lead to the tunnel server (" + HttpResponseStatus.valueOf(status) + "): "
                + switch (status) {
                    case 404 ->
                        "the path has to be that of websocket.path in server.conf, and the web server has to pass on"
                                + " it and the headers Upgrade and Connection";
                    case 400, 405, 426 -> "it has to pass on the headers Upgrade and Connection, with HTTP/1.1";
                    case 401, 403 -> "it has to let everybody in at this path; who is who is found out behind it";
                    case 502, 503, 504 ->
                        "it does not reach the tunnel server; start that, or correct the address in the web"
                                + " server's configuration";
                    default -> "correct upstream.servers, or look into its log";
                };
    }

    private void fail(String reason) {
        through.tryFailure(new IOException(way.location() + ": " + reason));
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (event instanceof SslHandshakeCompletionEvent completion && !completion.isSuccess() && way.tls() != null) {
            fail(way.tls().explain(completion.cause()));
        }
        ctx.fireUserEventTriggered(event);
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        fail("the web server has closed the connection without an answer");
        ctx.fireChannelInactive();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        OutOfMemory.check(cause);
        fail("the connection to the web server has failed: " + cause.getMessage());
    }
}
