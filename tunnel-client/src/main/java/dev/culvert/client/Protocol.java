package dev.culvert.client;

import dev.culvert.mux.ProtocolVersion;
import java.util.Locale;

/** What is spoken on a session. */
enum Protocol {
    /** Our own version of smux: the client names the target of each stream. */
    CULVERT(ProtocolVersion.CULVERT),
    /** Version 1 of a stock smux peer, which knows the target itself. */
    SMUX_V1(ProtocolVersion.SMUX_1),
    /** Version 2 of a stock smux peer: like version 1, with a window for each stream. */
    SMUX_V2(ProtocolVersion.SMUX_2);

    private final ProtocolVersion version;

    Protocol(ProtocolVersion version) {
        this.version = version;
    }

    ProtocolVersion version() {
        return version;
    }

    /** As the configuration writes it. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
