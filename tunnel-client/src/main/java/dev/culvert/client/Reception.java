package dev.culvert.client;

import dev.culvert.common.net.HeaderGate;
import dev.culvert.common.net.Origin;
import dev.culvert.common.net.Transport;
import dev.culvert.common.splice.Answer;
import dev.culvert.common.splice.Hold;
import dev.culvert.common.tls.OfferedTls;
import dev.culvert.mux.Address;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.netty.util.concurrent.Future;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Receives an accepted socket that has something to say before its connection can be opened: who it is from, by the
 * PROXY protocol, and where it goes, by that of a proxy; or that begins with TLS. Once that is said it holds what comes
 * too early.
 *
 * <p>Runs on the event loop that accepts, and then on that of the session.
 */
final class Reception extends Hold implements HeaderGate.Listener {
    private final DuplexChannel channel;
    private final Host host;
    private Origin origin;
    private boolean headerIsMissing;
    private boolean tlsIsMissing;
    /** Null: nobody has said yet where it goes. */
    private @Nullable Destination destination;

    private @Nullable Future<?> deadline;
    private boolean over;

    /**
     * Where a socket goes.
     *
     * @param target null: the peer knows
     */
    record Destination(@Nullable Address target, Answer answer) {}

    /** Who takes what was received. On the event loop that accepts. */
    interface Host {
        /** This one may go. Its channel is on this event loop, not read, and has the reception as its last handler. */
        void admit(Origin origin, Destination destination);

        /** This one has said something else, or nothing, and was closed. */
        void turnAway(Origin origin, String why);
    }

    private Reception(DuplexChannel channel, Origin origin, Host host) {
        this.channel = channel;
        this.origin = origin;
        this.host = host;
    }

    /** Whether somebody from there has something to say before {@code forward} can take it. */
    static boolean isFor(ForwardConfig forward, Origin origin) {
        return forward.protocol().isProxy() || forward.tls().isPresent() || hasHeader(forward, origin);
    }

    private static boolean hasHeader(ForwardConfig forward, Origin origin) {
        return HeaderGate.isFor(forward.proxies(), origin.from());
    }

    /** Receives a channel that is on no event loop. */
    static void begin(
            EventLoop loop,
            ForwardConfig forward,
            Optional<OfferedTls> tls,
            DuplexChannel channel,
            Origin origin,
            Host host) {
        Reception reception = new Reception(channel, origin, host);
        Transport.register(loop, channel, () -> reception.begin(forward, tls), reason -> host.turnAway(origin, reason));
    }

    private void begin(ForwardConfig forward, Optional<OfferedTls> tls) {
        ChannelPipeline pipeline = channel.pipeline();
        headerIsMissing = hasHeader(forward, origin);
        if (headerIsMissing) {
            HeaderGate.addTo(pipeline, PATIENCE, this);
        }
        tlsIsMissing = tls.isPresent();
        tls.ifPresent(offered -> offered.newHandlers(channel.alloc(), PATIENCE).forEach(pipeline::addLast));
        switch (forward.protocol()) {
            case TCP -> destination = new Destination(forward.target().orElse(null), Answer.RESET);
            case SOCKS5 -> Socks5Dialogue.addTo(pipeline, forward.credentials(), this);
            case UDP -> throw new IllegalStateException("datagrams are not accepted");
            case HTTP_CONNECT -> ConnectDialogue.addTo(pipeline, forward.credentials(), this);
        }
        pipeline.addLast(this);
        deadline = channel.eventLoop()
                .schedule(
                        () -> turnAway(null, "it has not said within " + PATIENCE.toSeconds() + " s where it goes"),
                        PATIENCE.toNanos(),
                        TimeUnit.NANOSECONDS);
        readAtMost(channel, SHORT_READ);
        channel.config().setAutoRead(true);
    }

    /** It was said where this one goes. */
    void goes(Destination said) {
        destination = said;
        admit();
    }

    private void admit() {
        if (!over && !headerIsMissing && !tlsIsMissing && destination != null) {
            end();
            channel.config().setAutoRead(false);
            host.admit(origin, destination);
        }
    }

    /**
     * Closes the channel.
     *
     * @param words for the other end, to be released here; null: none
     */
    void turnAway(@Nullable ByteBuf words, String why) {
        if (over) {
            if (words != null) {
                words.release();
            }
            return;
        }
        end();
        if (words == null) {
            channel.close();
        } else {
            channel.writeAndFlush(words).addListener(ChannelFutureListener.CLOSE);
        }
        host.turnAway(origin, why.replaceAll("\\p{Cc}", "?")); // it may have words of a stranger in it
    }

    private void end() {
        over = true;
        Objects.requireNonNull(deadline).cancel(false);
    }

    @Override
    public void onHeader(@Nullable Origin said) {
        headerIsMissing = false;
        if (said != null) {
            origin = said;
        }
        admit();
    }

    @Override
    public void onFailed(String reason) {
        turnAway(null, reason);
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        super.userEventTriggered(ctx, event);
        if (event == ChannelInputShutdownEvent.INSTANCE) {
            turnAway(null, "it has ended before it had said where it goes");
        } else if (event instanceof SslHandshakeCompletionEvent tls) {
            if (tls.isSuccess()) {
                tlsIsMissing = false;
                admit();
            } else {
                turnAway(null, OfferedTls.explain(tls.cause()));
            }
        }
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        turnAway(null, "it was closed before it had said where it goes");
        ctx.fireChannelInactive();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        super.exceptionCaught(ctx, cause);
        turnAway(null, String.valueOf(cause.getMessage()));
    }
}
