package dev.culvert.client;

import static dev.culvert.common.config.Kind.hostPort;
import static dev.culvert.common.config.Kind.integer;
import static dev.culvert.common.config.Kind.listenAddress;

import dev.culvert.common.config.ListenAddresses;
import dev.culvert.common.config.RateConfig;
import dev.culvert.common.config.Section;
import dev.culvert.common.net.Listeners;
import dev.culvert.mux.HostPort;
import java.util.Optional;

/**
 * One port that is carried to the other side.
 *
 * @param name what the user calls it
 * @param listen the local address; with port 0 the system picks one
 * @param target what the server dials; empty for a smux peer, which knows the target itself
 * @param maxConnections at the same time, 1 to 1000000
 * @param rate of all its connections together
 */
record ForwardConfig(String name, HostPort listen, Optional<HostPort> target, int maxConnections, RateConfig rate)
        implements Listeners.Place {
    private static final int USUAL_MOST = 10_000;

    static ForwardConfig read(String name, Section section, Protocol protocol, ListenAddresses addresses) {
        HostPort listen = section.get("listen", listenAddress());
        addresses.take(listen, section);
        return new ForwardConfig(
                name,
                listen,
                target(section, protocol),
                section.get("max-connections", integer(1, 1_000_000), USUAL_MOST),
                RateConfig.read(section));
    }

    private static Optional<HostPort> target(Section section, Protocol protocol) {
        if (protocol == Protocol.CULVERT) {
            return Optional.of(section.get("target", hostPort()));
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
        return name + "  " + listen + " -> " + target.map(HostPort::toString).orElse("the peer's target");
    }

    /** The limits, each after a comma, or nothing where they are as usual. */
    String describeLimits() {
        return (maxConnections == USUAL_MOST ? "" : ", " + maxConnections + " connections at most")
                + rate.describeUnlessOff();
    }
}
