package dev.culvert.client;

import static dev.culvert.common.config.Kind.integer;
import static dev.culvert.common.config.Kind.localAddress;
import static dev.culvert.common.config.Kind.targetAddress;

import dev.culvert.common.config.ListenAddresses;
import dev.culvert.common.config.Section;
import dev.culvert.common.config.SocketFileConfig;
import dev.culvert.common.net.Listeners;
import dev.culvert.common.net.SocketFile;
import dev.culvert.mux.Address;
import java.util.Optional;

/**
 * One address that is carried to the other side.
 *
 * @param name what the user calls it
 * @param listen the local address; with port 0 the system picks one
 * @param socketFile what becomes of the file of a unix socket
 * @param target what the server dials; empty for a smux peer, which knows the target itself
 * @param maxConnections at the same time, 1 to 1000000
 */
record ForwardConfig(String name, Address listen, SocketFile socketFile, Optional<Address> target, int maxConnections)
        implements Listeners.Place {
    private static final int USUAL_MOST = 10_000;

    static ForwardConfig read(String name, Section section, Protocol protocol, ListenAddresses addresses) {
        Address listen = section.get("listen", localAddress());
        addresses.take(listen, section);
        return new ForwardConfig(
                name,
                listen,
                SocketFileConfig.read(section, listen),
                target(section, protocol),
                section.get("max-connections", integer(1, 1_000_000), USUAL_MOST));
    }

    private static Optional<Address> target(Section section, Protocol protocol) {
        if (protocol == Protocol.CULVERT) {
            return Optional.of(section.get("target", targetAddress()));
        }
        if (section.has("target")) {
            section.error("target", "with protocol = " + protocol + " the peer decides the target; remove this key");
        }
        return Optional.empty();
    }

    @Override
    public String place() {
        return "forwards." + name;
    }

    @Override
    public int mostConnections() {
        return maxConnections;
    }

    /** A few words for people. */
    @Override
    public String describe() {
        return name + "  " + listen + " -> " + target.map(Address::toString).orElse("the peer's target");
    }

    /** The limit after a comma, or nothing where it is as usual. */
    String describeLimit() {
        return maxConnections == USUAL_MOST ? "" : ", " + maxConnections + " connections at most";
    }
}
