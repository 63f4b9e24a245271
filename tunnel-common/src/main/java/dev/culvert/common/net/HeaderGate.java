package dev.culvert.common.net;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.haproxy.HAProxyMessage;
import io.netty.handler.codec.haproxy.HAProxyMessageDecoder;
import io.netty.util.concurrent.Future;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Waits for the PROXY protocol header of a connection that a load balancer makes for another one, and then leaves the pipeline. Event loop only. */
public final class HeaderGate extends SimpleChannelInboundHandler<HAProxyMessage> {
    private final Duration timeout;
    private final Listener listener;
    private @Nullable Future<?> deadline;
    private boolean over;

    /** Hears one of these, once. */
    public interface Listener {
        /**
         * There it is. What comes next goes to the handlers added now.
         *
         * @param origin null: it does not say
         */
        void onHeader(@Nullable Origin origin);

        /** There was none, and the channel is being closed. */
        void onFailed(String reason);
    }

    private HeaderGate(Duration timeout, Listener listener) {
        this.timeout = timeout;
        this.listener = listener;
    }

    /** Puts it at the end of a pipeline. */
    public static void addTo(ChannelPipeline pipeline, Duration timeout, Listener listener) {
        pipeline.addLast(new HAProxyMessageDecoder(), new HeaderGate(timeout, listener));
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        deadline = ctx.executor()
                .schedule(() -> fail(ctx, "no PROXY header in time"), timeout.toNanos(), TimeUnit.NANOSECONDS);
    }

    @Override
    protected void channelRead0(ChannelHandlerContext ctx, HAProxyMessage header) {
        end();
        listener.onHeader(Origin.of(header));
        ctx.pipeline().remove(this);
    }

    private void fail(ChannelHandlerContext ctx, String reason) {
        if (!over) {
            end();
            ctx.close();
            listener.onFailed(reason);
        }
    }

    private void end() {
        over = true;
        Objects.requireNonNull(deadline).cancel(false);
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        fail(ctx, "the peer closed the connection before its PROXY header");
        ctx.fireChannelInactive();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        OutOfMemory.check(cause);
        fail(ctx, "no PROXY header, though " + ctx.channel().remoteAddress() + " is in accept-proxy-protocol");
    }
}
