package dev.culvert.common.web;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http.websocketx.BinaryWebSocketFrame;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import io.netty.handler.codec.http.websocketx.ContinuationWebSocketFrame;
import io.netty.handler.codec.http.websocketx.PingWebSocketFrame;
import io.netty.handler.codec.http.websocketx.PongWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketCloseStatus;
import io.netty.handler.codec.http.websocketx.WebSocketDecoderConfig;
import io.netty.handler.codec.http.websocketx.WebSocketFrame;
import io.netty.util.ReferenceCountUtil;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Makes the binary messages of a WebSocket (RFC 6455) a stream of bytes to the handlers that come after it, which it is
 * the same as TCP to: where a message begins or ends says nothing, and a close frame is the end. Stands behind Netty's
 * frame codecs. Nothing is copied here.
 */
public final class WebSocketBytes extends ChannelDuplexHandler {
    /**
     * The most that the payload of one frame may have, bytes: more than a TLS record, or a frame of a session, both of
     * which are one each.
     */
    public static final int MAX_FRAME = 128 << 10;

    /**
     * The last PING that has no answer yet. While the peer does not read it gets none, and only the last one then (RFC
     * 6455, section 5.5.3).
     */
    private @Nullable ByteBuf unanswered;

    private boolean ending;

    /**
     * What is taken from a peer: no extensions, no frame of more than {@link #MAX_FRAME}.
     *
     * @param masked whether the peer is the client
     */
    public static WebSocketDecoderConfig decoderConfig(boolean masked) {
        return WebSocketDecoderConfig.newBuilder()
                .maxFramePayloadLength(MAX_FRAME)
                .expectMaskedFrames(masked)
                .withUTF8Validator(false)
                .build();
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        if (!ending && (message instanceof BinaryWebSocketFrame || message instanceof ContinuationWebSocketFrame)) {
            ctx.fireChannelRead(((WebSocketFrame) message).content());
        } else if (message instanceof PingWebSocketFrame ping) {
            ReferenceCountUtil.release(unanswered);
            unanswered = ping.content();
            answer(ctx);
        } else {
            ReferenceCountUtil.release(message);
            if (message instanceof CloseWebSocketFrame) {
                end(ctx, WebSocketCloseStatus.NORMAL_CLOSURE);
                ctx.close();
            } else if (!ending && !(message instanceof PongWebSocketFrame)) {
                end(ctx, WebSocketCloseStatus.INVALID_MESSAGE_TYPE);
                ctx.fireExceptionCaught(
                        new IOException("the peer sends something else than the binary messages of a WebSocket"));
                ctx.close();
            }
        }
    }

    private void answer(ChannelHandlerContext ctx) {
        if (unanswered != null && ctx.channel().isWritable()) {
            ByteBuf content = unanswered;
            unanswered = null;
            ctx.writeAndFlush(new PongWebSocketFrame(content));
        }
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        answer(ctx);
        ctx.fireChannelWritabilityChanged();
    }

    @Override
    public void write(ChannelHandlerContext ctx, Object message, ChannelPromise promise) {
        boolean isData = message instanceof ByteBuf buffer && buffer.isReadable();
        ctx.write(isData ? new BinaryWebSocketFrame((ByteBuf) message) : message, promise);
    }

    @Override
    public void close(ChannelHandlerContext ctx, ChannelPromise promise) {
        end(ctx, WebSocketCloseStatus.NORMAL_CLOSURE);
        ctx.close(promise);
    }

    private void end(ChannelHandlerContext ctx, WebSocketCloseStatus why) {
        if (!ending && ctx.channel().isActive()) {
            ctx.writeAndFlush(new CloseWebSocketFrame(why));
        }
        ending = true;
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        ReferenceCountUtil.release(unanswered);
        unanswered = null;
    }
}
