package dev.culvert.client;

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
import dev.culvert.common.net.AddressSet;
import dev.culvert.common.net.Listeners;
import dev.culvert.common.net.ProxyHeader;
import dev.culvert.common.net.SocketFile;
import dev.culvert.mux.Address;
import java.nio.file.Path;
import java.util.Optional;

/**
 * One address that is carried to the other side.
 *
 * @param name what the user calls it
 * @param listen the local address; with port 0 the system picks one
 * @param socketFile what becomes of the file of a unix socket
 * @param protocol what local applications speak
 * @param credentials who may use it as a proxy; empty: anybody
 * @param proxies who connects for others, and says for whom by the PROXY protocol
 * @param tls what local applications speak it with; empty: plain text
 * @param target what the server dials; empty for a proxy, where each connection says it, and for a smux peer, which knows it itself
 * @param header what each connection begins with at the target; empty: nothing
 * @param maxConnections at the same time, 1 to 1000000
 * @param rate of all its connections together
 */
record ForwardConfig(
        String name,
        Address listen,
        SocketFile socketFile,
        ForwardProtocol protocol,
        Optional<Credentials> credentials,
        AddressSet proxies,
        Optional<TlsConfig> tls,
        Optional<Address> target,
        Optional<ProxyHeader> header,
        int maxConnections,
        RateConfig rate)
        implements Listeners.Place {
    private static final int USUAL_MOST = 10_000;
    private static final Kind<AddressSet> PROXIES =
            Kind.of("an address or a network such as \"10.0.0.0/8\"", AddressSet.NONE, AddressSet::parse);

    static ForwardConfig read(String name, Section section, Protocol upstream, ListenAddresses addresses) {
        Address listen = section.get("listen", localAddress());
        addresses.take(listen, section);
        ForwardProtocol protocol = protocol(section, upstream);
        return new ForwardConfig(
                name,
                listen,
                SocketFileConfig.read(section, listen),
                protocol,
                credentials(section, protocol),
                section.has("accept-proxy-protocol")
                        ? AddressSet.of(section.oneOrMore("accept-proxy-protocol", PROXIES))
                        : AddressSet.NONE,
                tls(section),
                target(section, protocol, upstream),
                section.get("proxy-protocol", offOr(oneOf(ProxyHeader.class)), Optional.empty()),
                section.get("max-connections", integer(1, 1_000_000), USUAL_MOST),
                RateConfig.read(section));
    }

    private static ForwardProtocol protocol(Section section, Protocol upstream) {
        ForwardProtocol protocol = section.get("protocol", oneOf(ForwardProtocol.class), ForwardProtocol.TCP);
        if (protocol.isProxy() && upstream != Protocol.CULVERT) {
            section.error(
                    "protocol",
                    "with upstream.protocol = " + upstream + " the peer decides the target, so this can be no proxy");
        }
        return protocol;
    }

    private static Optional<Credentials> credentials(Section section, ForwardProtocol protocol) {
        if (protocol.isProxy()) {
            return Credentials.read(section);
        }
        if (section.has("user")) {
            section.error("user", "is for protocol = socks5 and http-connect; remove it");
        }
        return Optional.empty();
    }

    private static Optional<TlsConfig> tls(Section section) {
        return section.has("tls") ? Optional.of(section.section("tls", ForwardConfig::ownTls)) : Optional.empty();
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
            return Optional.of(section.get("target", targetAddress()));
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

    /** A few words for people. */
    @Override
    public String describe() {
        String goesTo = protocol.isProxy()
                ? "what is asked for by " + protocol
                        + credentials.map(one -> ", as user " + one.user()).orElse("")
                : target.map(Address::toString).orElse("the peer's target");
        return name + "  " + listen
                + (tls.isPresent() ? " with TLS" : "")
                + (proxies.isEmpty() ? "" : ", for others by PROXY protocol from " + proxies)
                + " -> " + goesTo
                + header.map(version -> ", PROXY protocol " + version).orElse("");
    }

    /** The limits, each after a comma, or nothing where they are as usual. */
    String describeLimits() {
        return (maxConnections == USUAL_MOST ? "" : ", " + maxConnections + " connections at most")
                + rate.describeUnlessOff();
    }
}
