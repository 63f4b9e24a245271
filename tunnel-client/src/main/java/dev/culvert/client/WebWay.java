package dev.culvert.client;

import dev.culvert.common.tls.WebTls;
import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Promise;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The way from a web server to the server behind it, by a WebSocket.
 *
 * @param tls to the web server; null: it speaks without
 * @param timeout for the dial and all that follows
 */
record WebWay(Location location, @Nullable WebTls tls, Duration timeout) {
    /**
     * Goes on from a dial to the web server that has just begun.
     *
     * @return the channel as a {@link dev.culvert.common.net.Dialer} gives it, in which the bytes are those of the WebSocket's messages
     */
    Future<Channel> from(Future<Channel> dial, EventLoop loop) {
        Promise<Channel> promise = loop.newPromise();
        long begunAt = System.nanoTime();
        promise.addListener(done -> dial.cancel(false));
        dial.addListener((Future<Channel> dialled) -> {
            if (!dialled.isSuccess()) {
                promise.tryFailure(dialled.cause());
                return;
            }
            Future<?> deadline = loop.schedule(
                    () -> promise.tryFailure(
                            new IOException(location + ": the web server has not led to the tunnel server within "
                                    + timeout.toMillis() + " ms")),
                    timeout.toNanos() - (System.nanoTime() - begunAt),
                    TimeUnit.NANOSECONDS);
            promise.addListener(done -> deadline.cancel(false));
            WebSocketUpgrade.begin(dialled.getNow(), this, promise);
        });
        return promise;
    }
}
