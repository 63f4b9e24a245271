package dev.culvert.common.splice;

import dev.culvert.common.net.DialFailure;
import dev.culvert.common.net.Dialer;
import dev.culvert.mux.Address;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.MuxStream;
import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.Future;
import java.net.InetSocketAddress;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * A target that is dialled for a stream of the peer, and joined with it when it answers. Event loop of the session
 * only.
 */
public final class TargetDial {
    private TargetDial() {}

    /**
     * Dials.
     *
     * @param allowed which of the target's addresses may be dialled
     * @param peer for people: "client" or "server"
     */
    public static void begin(
            Dialer dialer,
            EventLoop loop,
            Address target,
            Predicate<InetSocketAddress> allowed,
            MuxStream stream,
            Connection connection,
            String peer) {
        Future<Channel> dial = dialer.dial(loop, target, allowed, stream::hasEarlyData);
        await(dial, loop, stream, connection, peer, channel -> Splice.accept(channel, connection, stream));
    }

    /**
     * Joins the stream with what is dialled for it, or refuses it.
     *
     * @param join gets the channel
     */
    public static <C extends Channel> void await(
            Future<C> dial, EventLoop loop, MuxStream stream, Connection connection, String peer, Consumer<C> join) {
        stream.ifAbandoned(() -> {
            dial.cancel(false);
            connection.end(
                    ErrorCode.CANCELLED, "reset by the " + peer + " while " + connection.target() + " was dialled");
        });
        connection.onCut(loop, (code, reason) -> {
            dial.cancel(false);
            refuse(stream, connection, code, reason);
        });
        dial.addListener((Future<C> dialled) -> {
            if (dialled.isSuccess()) {
                join.accept(dialled.getNow());
            } else if (dialled.cause() instanceof DialFailure failure) {
                refuse(stream, connection, failure.code(), String.valueOf(failure.getMessage()));
            } else if (!dialled.isCancelled()) {
                refuse(stream, connection, ErrorCode.INTERNAL, "the dial failed: " + dialled.cause());
            }
        });
    }

    /** Resets a stream whose connection comes to nothing. */
    public static void refuse(MuxStream stream, Connection connection, ErrorCode code, String reason) {
        stream.reset(code, reason);
        connection.end(code, "reset: " + code + ": " + reason);
    }
}
