package dev.culvert.server;

import dev.culvert.common.splice.Carrier;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import java.security.PublicKey;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** That a session takes the connections of a listener. Any thread. */
interface Offer extends Carrier {
    /** What the listener is called. */
    String listener();

    /** Where to listen; null: where the configuration says. */
    @Nullable HostPort own();

    Origin origin();

    /** The server listens. */
    void stands();

    /** It is over; the client is told why. */
    void withdraw(ErrorCode code, String reason);

    /**
     * Who makes it.
     *
     * @param client as the configuration has it; empty: anybody
     * @param key that it has shown; empty without TLS
     * @param process of the client, by any number
     */
    record Origin(String client, Optional<PublicKey> key, long process) {
        /** Whether this is a newer process of the same client: that of a client without name and key is not known. */
        boolean replaces(Origin older) {
            return process != older.process
                    && client.equals(older.client)
                    && (!client.isEmpty() || (key.isPresent() && key.equals(older.key)));
        }
    }
}
