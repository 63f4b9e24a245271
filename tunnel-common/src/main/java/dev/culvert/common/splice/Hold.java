package dev.culvert.common.splice;

import dev.culvert.common.net.OutOfMemory;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Queue;

/**
 * Holds what comes before somebody is there to take it: its place is at the end of a pipeline, until {@link #release}.
 * The channel is not read meanwhile, so this is what was on its way already.
 */
public class Hold extends ChannelInboundHandlerAdapter {
    /** Who has something to say first takes no longer: who says nothing does not keep its place. */
    public static final Duration PATIENCE = Duration.ofSeconds(10);

    /** Bytes to read at a time meanwhile: what is said first is short. */
    public static final int SHORT_READ = 2048;

    private final Queue<ByteBuf> held = new ArrayDeque<>();
    private boolean hasEnded;

    /** Has a channel that was not read yet read so many bytes at a time at most, until a splice is there. */
    public static void readAtMost(Channel channel, int bytes) {
        HeadroomAllocator.fit(channel, () -> bytes);
    }

    /** What a channel holds, if it does, goes on to whoever has come to the end of its pipeline. Event loop only. */
    public static void release(Channel channel) {
        if (channel.pipeline().get(Hold.class) != null) {
            channel.pipeline().remove(Hold.class);
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        held.add((ByteBuf) message);
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (event == ChannelInputShutdownEvent.INSTANCE) {
            hasEnded = true;
        }
    }

    /** Whoever comes to take it finds it closed. */
    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        OutOfMemory.check(cause);
        ctx.close();
    }

    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        while (!held.isEmpty()) {
            ctx.fireChannelRead(held.remove());
        }
        if (hasEnded) {
            ctx.fireUserEventTriggered(ChannelInputShutdownEvent.INSTANCE);
        }
    }
}
