package dev.culvert.server;

import static dev.culvert.common.config.Kind.integer;
import static dev.culvert.common.config.Kind.localAddress;

import dev.culvert.common.config.ListenAddresses;
import dev.culvert.common.config.Section;
import dev.culvert.common.config.SocketFileConfig;
import dev.culvert.common.net.AddressSet;
import dev.culvert.common.net.HeaderGate;
import dev.culvert.common.net.SocketFile;
import dev.culvert.mux.Address;
import dev.culvert.mux.HostPort;

/**
 * Where the server listens while a client offers to take the connections.
 *
 * @param name what the user calls it; of a client's own, what the client calls it
 * @param listen with port 0 the system picks one
 * @param socketFile what becomes of the file of a unix socket
 * @param proxies who connects for others, and says for whom by the PROXY protocol
 * @param maxConnections at the same time, 1 to 1000000
 * @param isOwn a client has asked for it, and the configuration does not name it
 */
record ListenerConfig(
        String name, Address listen, SocketFile socketFile, AddressSet proxies, int maxConnections, boolean isOwn) {
    private static final int USUAL_MOST = 10_000;

    static ListenerConfig read(String name, Section section, ListenAddresses addresses) {
        Address listen = section.get("listen", localAddress());
        addresses.take(listen, section);
        return new ListenerConfig(
                name,
                listen,
                SocketFileConfig.read(section, listen),
                section.addresses("accept-proxy-protocol"),
                section.get("max-connections", integer(1, 1_000_000), USUAL_MOST),
                false);
    }

    /** What a client asks for itself. */
    static ListenerConfig own(String name, HostPort listen) {
        return new ListenerConfig(name, listen, SocketFile.USUAL, AddressSet.NONE, USUAL_MOST, true);
    }

    /** Where in the configuration it stands, if it stands there. */
    String place() {
        return (isOwn ? "offers." : "listeners.") + name;
    }

    /** A few words for people. */
    String describe() {
        return "listener " + name + ", " + listen
                + socketFile.describeUnlessUsual()
                + HeaderGate.describe(proxies)
                + (maxConnections == USUAL_MOST ? "" : ", " + maxConnections + " connections at most");
    }
}
