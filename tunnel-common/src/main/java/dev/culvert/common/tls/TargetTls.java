package dev.culvert.common.tls;

import dev.culvert.common.net.OutOfMemory;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.PromiseCombiner;
import io.netty.util.concurrent.PromiseNotifier;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Speaks TLS with the target of a forward for an application that does not: what comes from the socket is encrypted on
 * its way to the stream, and what comes from the stream is decrypted on its way to the socket. So nobody between the
 * two can read it, the server of the tunnel included, and the certificate is looked at here.
 *
 * <p>Its place is next to the splice. The engine is in a channel of its own, which is driven by this one's events. What
 * the application says is not read before the target is trusted.
 */
public final class TargetTls extends ChannelDuplexHandler {
    private final SslHandler tls;
    private final WebTls how;
    private final Duration patience;
    private @Nullable EmbeddedChannel engine;
    private boolean shakenHands;
    private boolean trusted;
    private boolean wantsMore;
    private boolean inputEnded;
    private boolean targetEnded;
    /**
     * Done when the socket has taken all that the target has said, and the end of it; null: the target has not ended.
     */
    private @Nullable ChannelPromise outputEnd;

    private @Nullable Future<?> deadline;

    /** @param handler of {@code how}, for this connection */
    public TargetTls(WebTls how, SslHandler handler, Duration patience) {
        this.how = how;
        this.tls = handler;
        this.patience = patience;
    }

    /** The splice is there, and asks for the first bytes: those are ours. */
    @Override
    public void read(ChannelHandlerContext ctx) {
        if (trusted) {
            ctx.read();
            return;
        }
        wantsMore = true;
        if (engine == null) {
            engine = new EmbeddedChannel(tls);
            tls.sslCloseFuture().addListener(closed -> targetEnded = closed.isSuccess());
            tls.handshakeFuture().addListener(shaken -> {
                if (shaken.isSuccess()) {
                    shakenHands = true;
                } else if (engine != null) {
                    fail(ctx, how.explain(shaken.cause()));
                }
            });
            toStream(ctx, engine);
        }
        if (deadline == null && !trusted) {
            deadline = ctx.executor()
                    .schedule(
                            () -> fail(ctx, "the target has not answered TLS within " + patience.toMillis() + " ms"),
                            patience.toNanos(),
                            TimeUnit.NANOSECONDS);
        }
    }

    /** It goes to another session, maybe on another event loop, and the target has its time from there on. */
    @Override
    public void channelUnregistered(ChannelHandlerContext ctx) {
        stopWaiting();
        ctx.fireChannelUnregistered();
    }

    private void trust(ChannelHandlerContext ctx) {
        trusted = true;
        stopWaiting();
        if (wantsMore) {
            ctx.read();
        }
        if (inputEnded) {
            endInput(ctx);
        }
    }

    private void fail(ChannelHandlerContext ctx, String reason) {
        stopWaiting();
        if (engine != null) {
            toStream(ctx, engine); // why, for the target
        }
        ctx.fireExceptionCaught(new IOException(reason));
    }

    private void stopWaiting() {
        if (deadline != null) {
            deadline.cancel(false);
            deadline = null;
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        if (engine == null) { // held since before the splice was there
            read(ctx);
        }
        EmbeddedChannel to = engine;
        if (to == null || !to.isOpen()) {
            ((ByteBuf) message).release();
            return;
        }
        to.writeOneOutbound(message);
        to.flushOutbound();
        toStream(ctx, to);
    }

    private static void toStream(ChannelHandlerContext ctx, EmbeddedChannel from) {
        for (ByteBuf encrypted = from.readOutbound(); encrypted != null; encrypted = from.readOutbound()) {
            if (encrypted.isReadable()) {
                ctx.fireChannelRead(encrypted);
            } else {
                encrypted.release();
            }
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (event != ChannelInputShutdownEvent.INSTANCE) {
            ctx.fireUserEventTriggered(event);
        } else if (!inputEnded) {
            inputEnded = true;
            if (trusted) {
                endInput(ctx);
            }
        }
    }

    private void endInput(ChannelHandlerContext ctx) {
        tls.closeOutbound();
        if (engine != null) {
            toStream(ctx, engine);
        }
        ctx.fireUserEventTriggered(ChannelInputShutdownEvent.INSTANCE);
    }

    @Override
    public void write(ChannelHandlerContext ctx, Object message, ChannelPromise promise) {
        ByteBuf encrypted = (ByteBuf) message;
        EmbeddedChannel from = engine;
        if (!encrypted.isReadable()) { // the splice's last words, after which there is the end
            encrypted.release();
            if (outputEnd != null) {
                PromiseNotifier.cascade(outputEnd, promise);
            } else {
                promise.setFailure(new IOException("no end of TLS"));
                ctx.fireExceptionCaught(
                        new IOException("the target ended TCP without the end of TLS, so something may be missing"));
            }
            return;
        }
        if (from == null || !from.isOpen()) {
            encrypted.release();
            promise.setSuccess();
            return;
        }
        try {
            from.writeInbound(encrypted);
        } catch (Exception e) { // the end of the handshake says it, or what follows
            OutOfMemory.check(e);
        }
        if (shakenHands
                && !trusted) { // not before: what was said meanwhile has been taken now, and its end comes after it
            trust(ctx);
        }
        PromiseCombiner written = new PromiseCombiner(ctx.executor());
        for (ByteBuf plain = from.readInbound(); plain != null; plain = from.readInbound()) {
            written.add(ctx.write(plain));
        }
        written.finish(promise);
        toStream(ctx, from);
        if (targetEnded && outputEnd == null) {
            outputEnd = ctx.newPromise();
            endOutput(ctx, outputEnd);
        }
    }

    /**
     * That is where TLS ends a direction; TCP may go on for the sake of the other one. The application may speak TLS as
     * well.
     */
    private static void endOutput(ChannelHandlerContext ctx, ChannelPromise end) {
        ctx.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(written -> {
            SslHandler ofApplication = ctx.pipeline().get(SslHandler.class);
            if (!written.isSuccess()) {
                end.setFailure(written.cause()); // the channel is closed, or takes nothing any more
            } else if (ofApplication == null) {
                shutdownOutput(ctx, end);
            } else {
                ofApplication.closeOutbound().addListener(closed -> shutdownOutput(ctx, end));
            }
        });
    }

    private static void shutdownOutput(ChannelHandlerContext ctx, ChannelPromise end) {
        ((DuplexChannel) ctx.channel()).shutdownOutput(end);
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        stopWaiting();
        EmbeddedChannel last = engine;
        engine = null; // so that its end is not taken for the target's
        if (last != null) {
            last.finishAndReleaseAll();
        }
    }
}
