package dev.culvert.common.splice;

import dev.culvert.common.net.OutOfMemory;
import dev.culvert.common.net.Transport;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.OpenRequest;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.DuplexChannel;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Promise;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A connection that was accepted and has no stream yet. Its channel belongs to no event loop, or to that of whoever has
 * had it last, so that it can go to whichever session is there first.
 *
 * @param deadline until when it waits for a session, ns, on the clock of whoever assigns it
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
     * @param found told once whether there was room for it; if not, it can go elsewhere
     */
    public void open(
            EventLoop loop, MuxSession session, Runnable left, Consumer<String> elsewhere, Consumer<Boolean> found) {
        AtomicBoolean leaving = new AtomicBoolean();
        Runnable leave = () -> {
            if (!leaving.getAndSet(true)) {
                left.run();
            }
        };
        connection.onEnd(leave);
        comeTo(loop).addListener(there -> {
            boolean full = there.isSuccess() && !session.isOpenable(); // by now, for the way here takes a moment
            try {
                if (full) {
                    leave.run();
                } else if (there.isSuccess()) {
                    Splice.open(channel, connection, session, request, said, reason -> {
                        leave.run();
                        elsewhere.accept(reason);
                    });
                    Hold.release(channel);
                } else if (channel.isOpen()) {
                    reject(loop, ErrorCode.INTERNAL, "cannot register the socket: " + there.cause());
                } else {
                    reject(loop, ErrorCode.CONNECTION_RESET, "it was closed while it waited for a session");
                }
            } catch (OutOfMemoryError e) { // or the future would keep it to itself
                OutOfMemory.check(e);
            } finally {
                found.accept(!full);
            }
        });
    }

    /** Nobody takes it: refuses it, for the reason that it was refused for before if it was. */
    void giveUp(EventLoop loop, ErrorCode code, String reason) {
        if (refusal == null) {
            reject(loop, code, reason);
        } else {
            reject(loop, ErrorCode.REFUSED, refusal.reason);
        }
    }

    /**
     * Refuses it, and closes it.
     *
     * @param loop where it is answered if it is on no event loop
     */
    public void reject(EventLoop loop, ErrorCode code, String reason) {
        said.forget();
        comeTo(channel.isRegistered() ? channel.eventLoop() : loop).addListener(there -> {
            if (there.isSuccess()) {
                connection.refuse(channel, code, reason);
            } else {
                channel.unsafe().closeForcibly();
            }
            connection.end(code, "reset: " + reason);
        });
    }

    /** Brings the channel to an event loop, if it is not there. */
    private Future<?> comeTo(EventLoop loop) {
        if (!channel.isRegistered()) {
            return loop.register(channel);
        }
        if (channel.eventLoop() == loop) {
            return loop.newSucceededFuture(channel);
        }
        Promise<Object> there = loop.newPromise();
        channel.deregister()
                .addListener(left -> Transport.register(loop, channel, registered -> {
                    if (registered.isSuccess()) {
                        there.setSuccess(channel);
                    } else {
                        there.setFailure(registered.cause());
                    }
                }));
        return there;
    }
}
