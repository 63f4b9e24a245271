package dev.culvert.common.net;

import ch.qos.logback.classic.LoggerContext;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Ends the process when there is no memory for a buffer. What the code was at is done by half then, and each further
 * try holds up its event loop for half a second, in which nothing is written and so nothing becomes free. The JVM's
 * {@code CrashOnOutOfMemoryError} is for the heap alone.
 *
 * <p>A handler for the end of a pipeline; any number of them.
 */
@ChannelHandler.Sharable
public final class OutOfMemory extends ChannelInboundHandlerAdapter {
    /** The exit code; a service manager should start another. */
    private static final int EXIT_CODE = 4;

    private static final Logger LOG = LoggerFactory.getLogger(OutOfMemory.class);

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        check(cause);
    }

    /** Does not return if there is no memory. */
    public static void check(Throwable cause) {
        if (cause instanceof OutOfMemoryError) {
            end(cause);
        }
    }

    /** The first of several threads says so, the others wait for the end. */
    private static synchronized void end(Throwable cause) {
        LOG.error(
                "no memory is left for buffers, so this agent ends: {}. Lower the buffers of limits, flow and resume, or give it"
                        + " more: CULVERT_OPTS=-XX:MaxDirectMemorySize",
                cause.getMessage());
        ((LoggerContext) LoggerFactory.getILoggerFactory()).stop(); // writes what is queued
        Runtime.getRuntime().halt(EXIT_CODE);
    }
}
