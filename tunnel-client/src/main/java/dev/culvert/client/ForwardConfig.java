package dev.culvert.client;

import static dev.culvert.common.config.Kind.duration;
import static dev.culvert.common.config.Kind.integer;
import static dev.culvert.common.config.Kind.localAddress;
import static dev.culvert.common.config.Kind.oneOf;
import static dev.culvert.common.config.Kind.targetAddress;

import dev.culvert.common.config.Kind;
import dev.culvert.common.config.ListenAddresses;
import dev.culvert.common.config.Section;
import dev.culvert.common.config.SocketFileConfig;
import dev.culvert.common.config.Units;
import dev.culvert.common.net.AllowRule;
import dev.culvert.common.net.Listeners;
import dev.culvert.common.net.SocketFile;
import dev.culvert.mux.Address;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.UnixPath;
import java.time.Duration;
import java.util.Optional;

/**
 * One address that is carried to the other side.
 *
 * @param name what the user calls it
 * @param protocol what is spoken where it listens
 * @param listen the local address; with port 0 the system picks one
 * @param socketFile what becomes of the file of a unix socket
 * @param target what the server dials; empty for a smux peer, which knows the target itself
 * @param maxConnections at the same time, of UDP flows; 1 to 1000000
 * @param flowTimeout of UDP: a flow that is silent for so long ends; 1 s to 1 h
 */
record ForwardConfig(
        String name,
        ForwardProtocol protocol,
        Address listen,
        SocketFile socketFile,
        Optional<Address> target,
        int maxConnections,
        Duration flowTimeout)
        implements Listeners.Place {
    private static final int USUAL_MOST = 10_000;
    private static final Duration USUAL_FLOW_TIMEOUT = Duration.ofSeconds(60);
    private static final Kind<Address> UDP_LISTEN = forUdp(localAddress());
    private static final Kind<Address> UDP_TARGET = forUdp(targetAddress());

    static ForwardConfig read(String name, Section section, Protocol protocol, ListenAddresses addresses) {
        ForwardProtocol spoken = section.get("protocol", oneOf(ForwardProtocol.class), ForwardProtocol.TCP);
        boolean udp = spoken == ForwardProtocol.UDP;
        Address listen = section.get("listen", udp ? UDP_LISTEN : localAddress());
        if (listen instanceof HostPort address && udp) {
            addresses.takeUdp(address, section);
        } else {
            addresses.take(listen, section);
        }
        if (udp && protocol != Protocol.CULVERT) {
            section.error(
                    "protocol",
                    "udp takes upstream.protocol = culvert: with " + protocol + " there are no words for it");
        }
        if (!udp && section.has("flow-timeout")) {
            section.error("flow-timeout", "is only for protocol = udp; remove this key");
        }
        return new ForwardConfig(
                name,
                spoken,
                listen,
                SocketFileConfig.read(section, listen),
                target(section, protocol, udp ? UDP_TARGET : targetAddress()),
                section.get("max-connections", integer(1, 1_000_000), USUAL_MOST),
                section.get("flow-timeout", duration(Duration.ofSeconds(1), Duration.ofHours(1)), USUAL_FLOW_TIMEOUT));
    }

    private static Kind<Address> forUdp(Kind<Address> kind) {
        return kind.except(
                address -> address instanceof UnixPath, "a unix socket, which carries no UDP; expected HOST:PORT");
    }

    private static Optional<Address> target(Section section, Protocol protocol, Kind<Address> kind) {
        if (protocol == Protocol.CULVERT) {
            return Optional.of(section.get("target", kind));
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
        String udp = isUdp() ? AllowRule.UDP : "";
        return name + "  " + udp + listen + " -> "
                + target.map(address -> udp + address).orElse("the peer's target");
    }

    boolean isUdp() {
        return protocol == ForwardProtocol.UDP;
    }

    /** The limits after a comma, or nothing where they are as usual. */
    String describeLimit() {
        String most = isUdp() ? " flows at most" : " connections at most";
        return (maxConnections == USUAL_MOST ? "" : ", " + maxConnections + most)
                + (flowTimeout.equals(USUAL_FLOW_TIMEOUT)
                        ? ""
                        : ", a flow ends after " + Units.of(flowTimeout) + " of silence");
    }
}
