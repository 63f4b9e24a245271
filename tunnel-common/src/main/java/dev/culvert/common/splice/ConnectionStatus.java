package dev.culvert.common.splice;

import dev.culvert.mux.MuxSession;
import org.jspecify.annotations.Nullable;

/**
 * One connection at one moment.
 *
 * @param client its name; empty: none
 * @param source where it comes from
 * @param session null: none yet
 * @param state what it waits for: {@code waiting} for a session, {@code opening} until the target has answered, {@code open}
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
        String state,
        long startedAt,
        long ageMillis,
        long idleMillis,
        long in,
        long out,
        long unread,
        long unsent) {}
