package dev.culvert.client;

import dev.culvert.common.splice.Connection;
import dev.culvert.common.splice.Prelude;
import dev.culvert.common.splice.Splice;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.OpenRequest;
import io.netty.channel.ChannelOption;
import io.netty.channel.socket.DuplexChannel;
import org.jspecify.annotations.Nullable;

/**
 * A local connection that was accepted and has no stream yet. Its channel belongs to no event loop, so that it can go to
 * whichever session is there first.
 *
 * @param said on streams that came to nothing
 * @param refusal the last of these; null: there was none
 */
record Arrival(
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
    record Refusal(Uplinks.Carrier by, int count, String reason) {}

    /** The same, to go elsewhere. */
    Arrival refused(Uplinks.Carrier by, String reason) {
        int count = refusal == null ? 1 : refusal.count + 1;
        return new Arrival(channel, connection, request, deadline, said, new Refusal(by, count, reason));
    }

    boolean wasRefusedBy(Uplinks.Carrier carrier) {
        return refusal != null && refusal.by == carrier;
    }

    boolean wasRefusedTooOften() {
        return refusal != null && refusal.count > MOST_REFUSALS;
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
    void reject(ErrorCode code, String reason) {
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
