package dev.culvert.common.net;

import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Promise;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/**
 * What is said on a connection that was dialled before it is the caller's: to a proxy, to a web server, or to the
 * target itself.
 */
public interface Sequel {
    /**
     * Begins. On the event loop of the channel.
     *
     * @param channel as a {@link Dialer} gives it; closed if the promise fails, whoever fails it
     * @param through gets the channel, auto-read off, when all is said. What comes early goes to the handlers that its
     *     listeners add
     */
    void begin(Channel channel, Promise<Channel> through);

    /** Why there is none in time. */
    Throwable overdue();

    /** Why there is none where the dial has failed. */
    default Throwable notDialled(Throwable cause) {
        return cause;
    }

    /**
     * Goes on from a dial that has just begun. Any thread.
     *
     * @param timeout for the dial and all that follows
     * @return done on the loop; to cancel it closes whatever is under way
     */
    default Future<Channel> follow(Future<Channel> dial, EventLoop loop, Duration timeout) {
        Promise<Channel> promise = loop.newPromise();
        long begunAt = loop.ticker().nanoTime();
        promise.addListener(done -> dial.cancel(false));
        dial.addListener((Future<Channel> dialled) -> {
            if (!dialled.isSuccess()) {
                promise.tryFailure(notDialled(dialled.cause()));
                return;
            }
            Channel channel = dialled.getNow();
            promise.addListener(done -> {
                if (!done.isSuccess()) {
                    channel.close();
                }
            });
            if (promise.isDone()) { // cancelled while the dial came to its end
                return;
            }
            long left = timeout.toNanos() - (loop.ticker().nanoTime() - begunAt);
            Future<?> deadline = loop.schedule(() -> promise.tryFailure(overdue()), left, TimeUnit.NANOSECONDS);
            promise.addListener(done -> deadline.cancel(false));
            begin(channel, promise);
        });
        return promise;
    }
}
