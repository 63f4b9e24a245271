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

    Maker maker();

    /** Whether it is for when no other process of its client offers the same, or none of those that do is ready. */
    boolean isReserve();

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
    record Maker(String client, Optional<PublicKey> key, long process) {
        /** Whether these are two processes of one client: of one without name and key that is not known. */
        boolean isOtherProcessThan(Maker other) {
            return process != other.process
                    && client.equals(other.client)
                    && (!client.isEmpty() || (key.isPresent() && key.equals(other.key)));
        }
    }
}
