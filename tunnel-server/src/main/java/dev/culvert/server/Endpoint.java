package dev.culvert.server;

import dev.culvert.common.net.AddressSet;
import dev.culvert.common.net.AllowList;
import dev.culvert.common.net.Listeners;
import dev.culvert.mux.Address;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.MuxSettings;
import dev.culvert.mux.OpenRequest;
import java.net.InetSocketAddress;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** An address that the server listens on: what is spoken there and what its streams may reach. */
interface Endpoint extends Listeners.Place {
    /** The first byte of who begins with TLS (RFC 8446, section 5.1). */
    int TLS_HANDSHAKE = 0x16;

    @Override
    default String place() {
        return name();
    }

    /** For the log: where in the configuration it stands. */
    String name();

    MuxSettings settings();

    /** What to call the connections of a stream. */
    String forward(OpenRequest request);

    /** Where a stream goes; null: it says nothing and there is no default. */
    @Nullable Address target(OpenRequest request);

    /** Who connects for others, and says for whom by the PROXY protocol. */
    default AddressSet proxies() {
        return AddressSet.NONE;
    }

    /** Whether clients show who they are. */
    boolean tls();

    /** How clients may come by a web server; empty: not at all. */
    default Optional<WebSocketConfig> webSocket() {
        return Optional.empty();
    }

    /**
     * Whether a stream to {@code target} could be allowed at all, by what its client may; asked before its name is
     * resolved.
     */
    default boolean mayDial(AllowList allow, Address target) {
        return allow.mayMatch(target);
    }

    /** Whether this address of {@code target} may be dialled. */
    default boolean mayDial(AllowList allow, HostPort target, InetSocketAddress address) {
        return allow.allows(target, address);
    }

    /** What to change when a peer speaks version {@code firstByte} instead. */
    String advice(int firstByte);

    /** What to change when this is the first byte of a peer. */
    default String adviceOn(int firstByte) {
        return firstByte == TLS_HANDSHAKE && !tls()
                ? "the client speaks TLS, which is off here: remove tls = off here, or set upstream.tls = off there"
                : advice(firstByte);
    }
}
