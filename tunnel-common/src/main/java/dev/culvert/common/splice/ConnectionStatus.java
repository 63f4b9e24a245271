package dev.culvert.common.splice;

import dev.culvert.mux.MuxSession;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * One connection at one moment.
 *
 * @param client its name; empty: none
 * @param source where it comes from
 * @param session null: none yet
 * @param startedAt of the clock, ns: the oldest has the least
 * @param ageMillis since it was accepted
 * @param idleMillis since a byte has passed
 * @param in bytes read from its socket
 * @param out bytes written to its socket
 * @param unread bytes that wait here for its socket: whoever is behind it reads too slowly
 * @param unsent bytes that wait here for the session
 */
public record ConnectionStatus(
        String id,
        String forward,
        String client,
        String source,
        String target,
        @Nullable MuxSession session,
        State state,
        long startedAt,
        long ageMillis,
        long idleMillis,
        long in,
        long out,
        long unread,
        long unsent) {
    public enum State {
        /** For a session. */
        WAITING,
        /** The target has not answered. */
        OPENING,
        OPEN;

        /** The word for it, wherever one is shown. */
        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }
}
