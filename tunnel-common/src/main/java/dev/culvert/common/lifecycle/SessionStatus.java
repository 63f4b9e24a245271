package dev.culvert.common.lifecycle;

import java.util.Locale;

/**
 * One session at one moment.
 *
 * @param name of what began or accepted it: an uplink, an endpoint
 * @param client the peer's name; empty: it has none
 * @param peer its address
 * @param version of the protocol; empty while the peer has not spoken
 * @param startedAt of the clock, ns: the oldest has the least
 * @param roundTripMicros of a PING, or as TCP measures it where the peer answers none; 0: unknown
 * @param retransmits TCP segments that were sent again, so far
 * @param windows how much more than at first the peer may send on its streams before it hears of us, bytes
 * @param unread bytes that have come and wait for sockets
 * @param unsent bytes that wait to be sent
 */
public record SessionStatus(
        String id,
        String name,
        String client,
        String peer,
        String version,
        String software,
        State state,
        long startedAt,
        long ageMillis,
        int streams,
        long received,
        long sent,
        long roundTripMicros,
        long retransmits,
        long windows,
        long unread,
        long unsent) {
    public enum State {
        /** The peer has not spoken. */
        OPENING,
        UP,
        /** Up, but it takes connections only when the others do not. */
        STANDBY,
        /** It waits for another link. */
        LOST;

        /** The word for it, wherever one is shown. */
        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }
}
