package dev.culvert.client;

import dev.culvert.common.net.DialFailure;
import dev.culvert.common.net.Dialer;
import dev.culvert.common.net.Origin;
import dev.culvert.common.net.Sequel;
import dev.culvert.common.splice.Hold;
import dev.culvert.common.tls.WebTls;
import dev.culvert.mux.ErrorCode;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.EventLoop;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Promise;
import java.time.Duration;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * What the target of a reverse forward is told before the stream is joined with it: by the PROXY protocol who it is
 * for, and then TLS, up to where it is trusted. Nothing of the stream is said before that; what the target says too
 * early is held. Event loop only.
 */
final class TargetGreeting extends Hold implements Sequel {
    private final ReverseConfig config;
    private final Optional<WebTls> tls;
    private final Origin origin;
    private final Duration timeout;
    private @Nullable Promise<Channel> through;

    private TargetGreeting(ReverseConfig config, Optional<WebTls> tls, Origin origin, Duration timeout) {
        this.config = config;
        this.tls = tls;
        this.origin = origin;
        this.timeout = timeout;
    }

    /**
     * Dials the target and greets it, all within the time of the dialer.
     *
     * @param tls as {@code config} has it
     * @param origin who has connected
     * @param dataWaits whether the stream has something to say already
     * @return the channel as a dialer gives it, for a splice, after which what it holds is to be {@link Hold#release
     *     released}
     */
    static Future<Channel> dial(
            Dialer dialer,
            EventLoop loop,
            ReverseConfig config,
            Optional<WebTls> tls,
            Origin origin,
            BooleanSupplier dataWaits) {
        return new TargetGreeting(config, tls, origin, dialer.timeout())
                .follow(dialer.dial(loop, config.target(), address -> true, dataWaits), loop, dialer.timeout());
    }

    @Override
    public void begin(Channel channel, Promise<Channel> promise) {
        config.header().ifPresent(header -> channel.writeAndFlush(header.of(origin)));
        if (tls.isEmpty()) {
            promise.trySuccess(channel);
            return;
        }
        through = promise;
        readAtMost(channel, SHORT_READ);
        channel.pipeline().addLast(this);
        channel.pipeline().addFirst(tls.get().newHandlers(channel.alloc())); // last, since they speak at once
        channel.config().setAutoRead(true);
    }

    @Override
    public Throwable overdue() {
        return new DialFailure(
                ErrorCode.TIMEOUT, config.target(), "it has not answered TLS within " + timeout.toMillis() + " ms");
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        super.userEventTriggered(ctx, event);
        if (event instanceof SslHandshakeCompletionEvent shaken && through != null) {
            if (shaken.isSuccess()) {
                ctx.channel().config().setAutoRead(false);
                through.trySuccess(ctx.channel());
            } else {
                fail(shaken.cause());
            }
        }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        fail(cause);
        super.exceptionCaught(ctx, cause);
    }

    private void fail(Throwable cause) {
        if (through != null && tls.isPresent()) {
            through.tryFailure(new DialFailure(
                    ErrorCode.CONNECTION_RESET, config.target(), tls.get().explain(cause)));
        }
    }
}
