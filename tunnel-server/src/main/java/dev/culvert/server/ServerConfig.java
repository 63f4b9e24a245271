package dev.culvert.server;

import static dev.culvert.common.config.Kind.duration;
import static dev.culvert.common.config.Kind.flag;
import static dev.culvert.common.config.Kind.listenAddress;
import static java.time.Duration.ofHours;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static java.util.stream.Collectors.joining;

import dev.culvert.common.config.BadConfig;
import dev.culvert.common.config.ConfigFile;
import dev.culvert.common.config.DrainConfig;
import dev.culvert.common.config.FlowConfig;
import dev.culvert.common.config.KeepaliveConfig;
import dev.culvert.common.config.Kind;
import dev.culvert.common.config.ListenAddresses;
import dev.culvert.common.config.Plaintext;
import dev.culvert.common.config.Section;
import dev.culvert.common.config.Units;
import dev.culvert.common.net.AllowList;
import dev.culvert.common.net.AllowRule;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.MuxSettings;
import dev.culvert.mux.ProtocolVersion;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What a server is told to do. It listens for clients, for stock smux peers, or both.
 *
 * @param listen for clients; with port 0 the system picks one
 * @param insecure addresses need not be on loopback, although nothing is encrypted
 * @param allow what a client may dial; empty exactly without {@code listen}
 * @param smux in the order of the file
 * @param dialTimeout for one dial of a target, 100ms to 5m
 * @param userTimeout TCP_USER_TIMEOUT: how long sent data may stay unacknowledged, 1s to 1h
 */
record ServerConfig(
        Optional<HostPort> listen,
        boolean insecure,
        AllowList allow,
        List<SmuxEndpointConfig> smux,
        LimitsConfig limits,
        Duration dialTimeout,
        Duration userTimeout,
        KeepaliveConfig keepalive,
        FlowConfig flow,
        DrainConfig drain) {

    private static final Kind<AllowRule> ALLOW_RULE = Kind.of(
            "HOST:PORTS such as \"db.internal:5432\" or \"10.0.0.0/8:443\"",
            AllowRule.parse("localhost:1"),
            AllowRule::parse);

    /** Reads a file as {@code docs/configuration.md} describes it. */
    static ServerConfig read(Path file) throws BadConfig {
        return ConfigFile.read(file, ServerConfig::read);
    }

    private static ServerConfig read(Section top) {
        boolean insecure = top.get("insecure", flag(), false);
        ListenAddresses addresses = new ListenAddresses();
        Optional<HostPort> listen = top.find("listen", Plaintext.address(listenAddress(), insecure));
        listen.ifPresent(address -> addresses.take(address, top));
        if (listen.isPresent() || top.has("tls")) {
            Plaintext.confirm(top);
        }
        if (listen.isEmpty() && !top.has("smux")) {
            top.error(
                    "listen",
                    "missing, expected listen = \"127.0.0.1:7443\" for clients, or smux { ... } for stock smux peers");
        }
        return new ServerConfig(
                listen,
                insecure,
                allow(top, listen.isPresent()),
                top.named("smux", (name, section) -> SmuxEndpointConfig.read(name, section, insecure, addresses)),
                top.section("limits", LimitsConfig::read),
                top.section("dial", dial -> dial.get("timeout", duration(ofMillis(100), ofMinutes(5)), ofSeconds(10))),
                top.get("user-timeout", duration(ofSeconds(1), ofHours(1)), ofSeconds(15)),
                top.section("keepalive", KeepaliveConfig::read),
                top.section("flow", FlowConfig::read),
                top.section("drain", DrainConfig::read));
    }

    private static AllowList allow(Section top, boolean listens) {
        if (top.has("anonymous")) {
            if (!listens) {
                top.error("anonymous", "is about the clients of listen; add listen, or remove this section");
            }
            return top.section("anonymous", anonymous -> new AllowList(anonymous.list("allow", ALLOW_RULE)));
        }
        if (listens) {
            top.error(
                    "anonymous",
                    "missing: without TLS nobody knows who connects; write anonymous { allow = [\"HOST:PORT\"] } with"
                            + " what anybody who reaches listen may dial");
        }
        return new AllowList(List.of());
    }

    /** The addresses to listen on, with what is spoken there; {@code software} is what peers are told. */
    List<Endpoint> endpoints(String software) {
        MuxSettings settings = MuxSettings.of(ProtocolVersion.CULVERT)
                .with(flow.forMux())
                .with(keepalive.forMux())
                .with(limits.forMux())
                .with(software, limits.handshakeTimeout());
        Stream<Endpoint> clients = listen.stream().map(address -> new CulvertEndpoint(address, allow, settings));
        Stream<Endpoint> peers = smux.stream()
                .map(peer -> new SmuxEndpoint(
                        peer.name(),
                        peer.listen(),
                        peer.target(),
                        settings.speaking(ProtocolVersion.SMUX_1, ProtocolVersion.SMUX_2)
                                .with(peer.peer().forMux(peer.greetingDelay()))));
        return Stream.concat(clients, peers).toList();
    }

    /** What would run, for people: a line for each address, then a line for each topic. */
    String describe() {
        Stream<String> clients =
                listen.stream().map(address -> "clients  " + address + ", not encrypted, anybody may dial " + allow);
        Stream<String> peers = smux.stream().map(SmuxEndpointConfig::describe);
        return """
                %s

                limits     %s
                dial       within %s
                keepalive  %s, or %s without acknowledgement
                flow       %s
                drain      %s
                """.formatted(
                        Stream.concat(clients, peers).collect(joining("\n")),
                        limits.describe(),
                        Units.of(dialTimeout),
                        keepalive.describe(),
                        Units.of(userTimeout),
                        flow.describe(),
                        drain.describe());
    }
}
