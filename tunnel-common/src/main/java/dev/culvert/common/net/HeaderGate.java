package dev.culvert.common.net;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.codec.haproxy.HAProxyMessage;
import io.netty.handler.codec.haproxy.HAProxyMessageDecoder;
import io.netty.util.NetUtil;
import io.netty.util.concurrent.Future;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Waits for the PROXY protocol header of a connection that a load balancer makes for another one, and then leaves the
 * pipeline. Event loop only.
 */
public final class HeaderGate extends SimpleChannelInboundHandler<HAProxyMessage> {
    private static final String ENDED = "the peer closed the connection before its PROXY header";

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

    /**
     * Whether a connection begins with a header.
     *
     * @param proxies who connects for others
     * @param from who has connected; null: it has no address, and none of them is meant
     */
    public static boolean isFor(AddressSet proxies, @Nullable InetSocketAddress from) {
        return from != null && proxies.contains(from.getAddress());
    }

    /** A few words for people, after a comma, or nothing where nobody connects for others. */
    public static String describe(AddressSet proxies) {
        return proxies.isEmpty() ? "" : ", for others by PROXY protocol from " + proxies;
    }

    /** Puts it at the end of a pipeline. */
    public static void addTo(ChannelPipeline pipeline, Duration timeout, Listener listener) {
        pipeline.addLast(new Decoder(), new HeaderGate(timeout, listener));
    }

    /**
     * Netty's takes the length of a header of version 2 for its end in the buffer (4.2.18): so each begins at 0,
     * whatever there is in front of it.
     */
    private static final class Decoder extends HAProxyMessageDecoder {
        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) throws Exception {
            super.channelRead(ctx, message instanceof ByteBuf bytes ? bytes.slice() : message);
        }
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
        fail(ctx, ENDED);
        ctx.fireChannelInactive();
    }

    /** Only one direction has ended, where that may be, but it is the one that the header comes by. */
    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (event == ChannelInputShutdownEvent.INSTANCE) {
            fail(ctx, ENDED);
        }
        ctx.fireUserEventTriggered(event);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        OutOfMemory.check(cause);
        String from = ctx.channel().remoteAddress() instanceof InetSocketAddress address
                ? NetUtil.toAddressString(address.getAddress())
                : "its address";
        fail(ctx, "no PROXY header, though " + from + " is in accept-proxy-protocol");
    }
}
