package dev.culvert.common.splice;

import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.OpenRequest;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.DuplexChannel;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A connection that was accepted and has no stream yet. Its channel belongs to no event loop, so that it can go to
 * whichever session is there first.
 *
 * @param said on streams that came to nothing
 * @param refusal the last of these; null: there was none
 */
public record Arrival(
        DuplexChannel channel,
        Connection connection,
        OpenRequest request,
        long deadline,
        Prelude said,
        @Nullable Refusal refusal) {
    /** So often it goes to another session. */
    private static final int MOST_REFUSALS = 3;

    /**
     * A session has certainly not processed the open request, so another one may be asked.
     *
     * @param by whose session that was
     * @param count with those before
     * @param reason a sentence
     */
    public record Refusal(Carrier by, int count, String reason) {}

    /** The same, to go elsewhere. */
    public Arrival refused(Carrier by, String reason) {
        int count = refusal == null ? 1 : refusal.count + 1;
        return new Arrival(channel, connection, request, deadline, said, new Refusal(by, count, reason));
    }

    boolean wasRefusedBy(Carrier carrier) {
        return refusal != null && refusal.by == carrier;
    }

    boolean wasRefusedTooOften() {
        return refusal != null && refusal.count > MOST_REFUSALS;
    }

    /**
     * Goes by a stream of {@code session}.
     *
     * @param loop of the session, and the thread that calls
     * @param left run once, when this stream carries it no more
     * @param elsewhere told why, where the peer has certainly not processed it
     */
    public void open(EventLoop loop, MuxSession session, Runnable left, Consumer<String> elsewhere) {
        AtomicBoolean leaving = new AtomicBoolean();
        Runnable leave = () -> {
            if (!leaving.getAndSet(true)) {
                left.run();
            }
        };
        connection.onEnd(leave);
        loop.register(channel).addListener(registered -> {
            if (registered.isSuccess()) {
                Splice.open(channel, connection, session, request, said, reason -> {
                    leave.run();
                    elsewhere.accept(reason);
                });
            } else {
                reject(ErrorCode.INTERNAL, "cannot register the socket: " + registered.cause());
            }
        });
    }

    /** Nobody takes it: resets it, for the reason that it was refused for if it was. */
    void giveUp(ErrorCode code, String reason) {
        if (refusal == null) {
            reject(code, reason);
        } else {
            reject(ErrorCode.REFUSED, refusal.reason);
        }
    }

    /** Resets it. */
    public void reject(ErrorCode code, String reason) {
        said.forget();
        if (channel.isRegistered()) {
            Splice.reset(channel);
        } else {
            channel.config().setOption(ChannelOption.SO_LINGER, 0);
            channel.unsafe().closeForcibly();
        }
        connection.end(code, "reset: " + reason);
    }
}
