package dev.culvert.client;

import static dev.culvert.common.config.Kind.duration;
import static dev.culvert.common.config.Kind.integer;
import static dev.culvert.common.config.Kind.localAddress;
import static dev.culvert.common.config.Kind.offOr;
import static dev.culvert.common.config.Kind.oneOf;
import static dev.culvert.common.config.Kind.targetAddress;

import dev.culvert.common.config.Kind;
import dev.culvert.common.config.ListenAddresses;
import dev.culvert.common.config.RateConfig;
import dev.culvert.common.config.Section;
import dev.culvert.common.config.SocketFileConfig;
import dev.culvert.common.config.TlsConfig;
import dev.culvert.common.config.Units;
import dev.culvert.common.net.AddressSet;
import dev.culvert.common.net.AllowRule;
import dev.culvert.common.net.HeaderGate;
import dev.culvert.common.net.Listeners;
import dev.culvert.common.net.ProxyHeader;
import dev.culvert.common.net.SocketFile;
import dev.culvert.mux.Address;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.UnixPath;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * One address that is carried to the other side.
 *
 * @param name what the user calls it
 * @param protocol what local applications speak
 * @param listen the local address; with port 0 the system picks one
 * @param socketFile what becomes of the file of a unix socket
 * @param credentials who may use it as a proxy; empty: anybody
 * @param proxies who connects for others, and says for whom by the PROXY protocol
 * @param tls what local applications speak it with; empty: plain text
 * @param target what the server dials; empty for a proxy, where each connection says it, and for a smux peer, which
 *     knows it itself
 * @param targetTls how this agent speaks TLS with the target; empty: it passes on what is said
 * @param header what each connection begins with at the target; empty: nothing
 * @param maxConnections at the same time, of UDP flows; 1 to 1000000
 * @param flowTimeout of UDP: a flow that is silent for so long ends; 1 s to 1 h
 * @param rate of all its connections together
 */
record ForwardConfig(
        String name,
        ForwardProtocol protocol,
        Address listen,
        SocketFile socketFile,
        Optional<Credentials> credentials,
        AddressSet proxies,
        Optional<TlsConfig> tls,
        Optional<Address> target,
        Optional<TargetTlsConfig> targetTls,
        Optional<ProxyHeader> header,
        int maxConnections,
        Duration flowTimeout,
        RateConfig rate)
        implements Listeners.Place {
    private static final int USUAL_MOST = 10_000;
    private static final Duration USUAL_FLOW_TIMEOUT = Duration.ofSeconds(60);
    private static final Kind<Address> UDP_LISTEN = forUdp(localAddress());
    private static final Kind<Address> UDP_TARGET = forUdp(targetAddress());

    static ForwardConfig read(String name, Section section, Protocol upstream, ListenAddresses addresses) {
        ForwardProtocol protocol = protocol(section, upstream);
        Address listen = section.get("listen", protocol == ForwardProtocol.UDP ? UDP_LISTEN : localAddress());
        if (listen instanceof HostPort address && protocol == ForwardProtocol.UDP) {
            addresses.takeUdp(address, section);
        } else {
            addresses.take(listen, section);
        }
        return new ForwardConfig(
                name,
                protocol,
                listen,
                SocketFileConfig.read(section, listen),
                protocol.isProxy() ? Credentials.read(section, protocol) : Optional.empty(),
                section.addresses("accept-proxy-protocol"),
                section.has("tls") ? Optional.of(section.section("tls", ForwardConfig::ownTls)) : Optional.empty(),
                target(section, protocol, upstream),
                TargetTlsConfig.read(section),
                section.get("proxy-protocol", offOr(oneOf(ProxyHeader.class)), Optional.empty()),
                section.get("max-connections", integer(1, 1_000_000), USUAL_MOST),
                section.get("flow-timeout", duration(Duration.ofSeconds(1), Duration.ofHours(1)), USUAL_FLOW_TIMEOUT),
                RateConfig.read(section));
    }

    /** Also finds keys that are not for it. */
    private static ForwardProtocol protocol(Section section, Protocol upstream) {
        ForwardProtocol protocol = section.get("protocol", oneOf(ForwardProtocol.class), ForwardProtocol.TCP);
        if (protocol != ForwardProtocol.TCP && upstream != Protocol.CULVERT) {
            section.error(
                    "protocol",
                    protocol + " takes upstream.protocol = culvert: with " + upstream + " the peer decides the target");
        }
        if (protocol == ForwardProtocol.UDP) {
            forbid(section, protocol, "tls", "target-tls", "accept-proxy-protocol", "proxy-protocol");
        } else {
            forbid(section, protocol, "flow-timeout");
        }
        if (protocol.isProxy()) {
            forbid(section, protocol, "target-tls");
        } else {
            forbid(section, protocol, "user", "password", "password-file");
        }
        return protocol;
    }

    private static void forbid(Section section, ForwardProtocol protocol, String... keys) {
        for (String key : List.of(keys)) {
            if (section.has(key)) {
                section.error(key, "is not for protocol = " + protocol + "; remove this key");
            }
        }
    }

    private static Kind<Address> forUdp(Kind<Address> kind) {
        return kind.except(
                address -> address instanceof UnixPath, "a unix socket, which carries no UDP; expected HOST:PORT");
    }

    private static TlsConfig ownTls(Section tls) {
        if (!tls.has("key-file")) {
            tls.error(
                    "key-file",
                    "missing, expected a PEM file with the key, and its certificate if there is no cert-file");
        }
        return TlsConfig.read(tls, Path.of("/dev/null"));
    }

    private static Optional<Address> target(Section section, ForwardProtocol protocol, Protocol upstream) {
        if (upstream == Protocol.CULVERT && !protocol.isProxy()) {
            return Optional.of(section.get("target", protocol == ForwardProtocol.UDP ? UDP_TARGET : targetAddress()));
        }
        if (section.has("target")) {
            section.error(
                    "target",
                    protocol.isProxy()
                            ? "with protocol = " + protocol + " each connection says where it goes; remove this key"
                            : "with protocol = " + upstream + " the peer decides the target; remove this key");
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

    boolean isUdp() {
        return protocol == ForwardProtocol.UDP;
    }

    /** A few words for people. */
    @Override
    public String describe() {
        String udp = isUdp() ? AllowRule.UDP : "";
        String goesTo = protocol.isProxy()
                ? "what is asked for by " + protocol
                        + credentials.map(one -> ", as user " + one.user()).orElse("")
                : target.map(address -> udp + address).orElse("the peer's target");
        return name + "  " + udp + listen
                + socketFile.describeUnlessUsual()
                + (tls.isPresent() ? " with TLS" : "")
                + HeaderGate.describe(proxies)
                + " -> " + goesTo
                + targetTls
                        .map(tls -> " with TLS" + tls.describe(target.orElseThrow()))
                        .orElse("")
                + header.map(version -> ", PROXY protocol " + version).orElse("");
    }

    /** The limits, each after a comma, or nothing where they are as usual. */
    String describeLimits() {
        String most = isUdp() ? " flows at most" : " connections at most";
        return (maxConnections == USUAL_MOST ? "" : ", " + maxConnections + most)
                + (flowTimeout.equals(USUAL_FLOW_TIMEOUT)
                        ? ""
                        : ", a flow ends after " + Units.of(flowTimeout) + " of silence")
                + rate.describeUnlessOff();
    }
}
