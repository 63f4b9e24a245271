package dev.culvert.server;

import static dev.culvert.common.config.Kind.duration;
import static dev.culvert.common.config.Kind.flag;
import static dev.culvert.common.config.Kind.listenAddress;
import static java.time.Duration.ofHours;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;
import static java.util.stream.Collectors.joining;

import dev.culvert.common.config.AdminConfig;
import dev.culvert.common.config.AgentConfig;
import dev.culvert.common.config.BadConfig;
import dev.culvert.common.config.ConfigFile;
import dev.culvert.common.config.DrainConfig;
import dev.culvert.common.config.FlowConfig;
import dev.culvert.common.config.KeepaliveConfig;
import dev.culvert.common.config.Kind;
import dev.culvert.common.config.ListenAddresses;
import dev.culvert.common.config.LogConfig;
import dev.culvert.common.config.Plaintext;
import dev.culvert.common.config.RateConfig;
import dev.culvert.common.config.ResumeConfig;
import dev.culvert.common.config.Section;
import dev.culvert.common.config.TlsConfig;
import dev.culvert.common.config.Units;
import dev.culvert.common.net.AddressSet;
import dev.culvert.common.net.HeaderGate;
import dev.culvert.common.tls.Authority;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.MuxSettings;
import dev.culvert.mux.ProtocolVersion;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/**
 * What a server is told to do. It listens for clients, for stock smux peers, or both.
 *
 * @param listen for clients; with port 0 the system picks one
 * @param proxies who connects to {@code listen} for others, and says for whom by the PROXY protocol
 * @param webSocket for clients that come by a web server
 * @param tls empty: nothing is encrypted
 * @param insecure addresses need not be on loopback, although nothing is encrypted
 * @param listeners whose connections clients take, in the order of the file
 * @param clients in the order of the file; none without {@code tls}
 * @param smux in the order of the file
 * @param rate of all connections together
 * @param dialTimeout for one dial of a target, 100ms to 5m
 * @param userTimeout TCP_USER_TIMEOUT: how long sent data may stay unacknowledged, 1s to 1h
 */
record ServerConfig(
        Optional<HostPort> listen,
        AddressSet proxies,
        Optional<WebSocketConfig> webSocket,
        Optional<TlsConfig> tls,
        boolean insecure,
        List<ListenerConfig> listeners,
        List<ClientConfig> clients,
        AnonymousConfig anonymous,
        List<SmuxEndpointConfig> smux,
        LimitsConfig limits,
        RateConfig rate,
        Duration dialTimeout,
        Duration userTimeout,
        KeepaliveConfig keepalive,
        ResumeConfig resume,
        FlowConfig flow,
        DrainConfig drain,
        AdminConfig admin,
        LogConfig log)
        implements AgentConfig {

    static final Path DEFAULT_FILE = Path.of("/etc/culvert/server.conf");
    private static final Path DEFAULT_KEY = TlsConfig.defaultKey("server");

    /** Reads a file as {@code docs/configuration.md} describes it. */
    static ServerConfig read(Path file) throws BadConfig {
        return ConfigFile.read(file, ServerConfig::read);
    }

    /** The same of what stands on the command line, by the paths of the keys. */
    static ServerConfig read(Map<String, ?> values) throws BadConfig {
        return ConfigFile.read(values, ServerConfig::read);
    }

    /** Where the key is to be, however much of {@code file} is still missing. */
    static TlsConfig tls(Path file) throws BadConfig {
        return ConfigFile.peek(
                file, DEFAULT_FILE, "tls", top -> top.section("tls", tls -> TlsConfig.locate(tls, DEFAULT_KEY)));
    }

    private static ServerConfig read(Section top) {
        boolean plain = top.isOff("tls");
        boolean insecure = top.get("insecure", flag(), false);
        ListenAddresses addresses = new ListenAddresses();
        Optional<HostPort> listen =
                top.find("listen", Plaintext.address(listenAddress(), !plain || insecure, "insecure"));
        listen.ifPresent(address -> addresses.take(address, top));
        if (listen.isEmpty() && !top.has("smux")) {
            top.error(
                    "listen",
                    "missing, expected listen = \"0.0.0.0:7443\" for clients, or smux { ... } for stock smux peers");
        }
        Optional<WebSocketConfig> webSocket = WebSocketConfig.read(top);
        if (webSocket.isPresent() && listen.isEmpty()) {
            top.error("websocket", "is for clients that come by a web server to listen, which is missing");
        }
        List<SmuxEndpointConfig> smux = top.named(
                "smux", (name, section) -> SmuxEndpointConfig.read(name, section, plain, insecure, addresses));
        boolean encrypts = !plain && (listen.isPresent() || smux.stream().anyMatch(SmuxEndpointConfig::tls));
        Optional<TlsConfig> tls = encrypts || (!plain && top.has("tls"))
                ? Optional.of(top.section("tls", section -> TlsConfig.read(section, DEFAULT_KEY)))
                : Optional.empty();
        LimitsConfig limits = top.section("limits", LimitsConfig::read);
        List<ListenerConfig> listeners =
                top.named("listeners", (name, section) -> ListenerConfig.read(name, section, addresses));
        Map<String, String> owners = new HashMap<>();
        List<ClientConfig> clients = top.named("clients", (name, section) -> {
            take(owners, "key", section, key -> key.replaceFirst("=+$", ""));
            take(owners, "name", section, Authority::canonical);
            return ClientConfig.read(name, section, listeners, limits.client());
        });
        checkClients(top, tls, clients);
        AnonymousConfig anonymous = AnonymousConfig.read(top, listeners, limits.client());
        checkAccess(top, plain && listen.isPresent(), encrypts, clients, anonymous);
        return new ServerConfig(
                listen,
                top.addresses("accept-proxy-protocol"),
                webSocket,
                tls,
                insecure,
                listeners,
                clients,
                anonymous,
                smux,
                limits,
                RateConfig.read(top),
                top.section("dial", dial -> dial.get("timeout", duration(ofMillis(100), ofMinutes(5)), ofSeconds(10))),
                top.get("user-timeout", duration(ofSeconds(1), ofHours(1)), ofSeconds(15)),
                top.section("keepalive", KeepaliveConfig::read),
                top.section("resume", ResumeConfig::read),
                top.section("flow", FlowConfig::read),
                top.section("drain", DrainConfig::read),
                top.section("admin", admin -> AdminConfig.read(admin, addresses)),
                top.section("log", LogConfig::read));
    }

    /**
     * What tells clients apart is no second one's.
     *
     * @param canonical the same for what is the same
     */
    private static void take(Map<String, String> owners, String key, Section client, UnaryOperator<String> canonical) {
        List<String> all = client.has(key) ? client.oneOrMore(key, Kind.text()) : List.of();
        for (String own : all) {
            String owner = owners.putIfAbsent(canonical.apply(own), client.path(key));
            if (owner != null) {
                client.error(key, own + " is that of " + owner + " already; give each its own");
            }
        }
    }

    private static void checkClients(Section top, Optional<TlsConfig> tls, List<ClientConfig> clients) {
        if (!clients.isEmpty() && tls.isEmpty()) {
            top.error("clients", "are known by their keys, and without TLS nobody shows one; remove tls = off");
        }
        for (ClientConfig client : clients) {
            if (!client.names().isEmpty()
                    && tls.isPresent()
                    && tls.get().caFile().isEmpty()) {
                top.error("clients", client.name() + " has a name, which needs tls.ca-file: who would vouch for it?");
            }
        }
    }

    /** Somebody has to be let in. */
    private static void checkAccess(
            Section top, boolean plain, boolean encrypts, List<ClientConfig> clients, AnonymousConfig anonymous) {
        if (anonymous.allow().isPresent()) {
            return;
        }
        if (plain) {
            top.error(
                    "anonymous",
                    "missing: without TLS nobody knows who connects; write anonymous { allow = [\"HOST:PORT\"] } with"
                            + " what anybody who reaches listen may dial");
        } else if (encrypts && clients.isEmpty()) {
            top.error(
                    "clients",
                    "missing: nobody could connect; write clients { laptop { key = \"SHA256:...\", allow ="
                            + " [\"HOST:PORT\"] } } with what `tunnel-client keygen` prints there");
        }
    }

    @Override
    public long mostConnections() {
        return limits.whole().streams();
    }

    /**
     * How long a connection that a client is to take may wait for its session: as long as that waits for another link.
     */
    Duration patience() {
        return resume.window().compareTo(dialTimeout) > 0 ? resume.window() : dialTimeout;
    }

    /** The addresses to listen on, with what is spoken there; {@code software} is what peers are told. */
    List<Endpoint> endpoints(String software) {
        MuxSettings settings = MuxSettings.of(ProtocolVersion.CULVERT)
                .with(flow.forMux())
                .with(keepalive.forMux())
                .with(resume.forMux())
                .with(software, limits.handshakeTimeout());
        Stream<Endpoint> clients = listen.stream()
                .map(address -> new CulvertEndpoint(
                        address, tls.isPresent(), proxies, webSocket, settings, limits.mostConnections()));
        Stream<Endpoint> peers = smux.stream()
                .map(peer -> new SmuxEndpoint(
                        peer.name(),
                        peer.listen(),
                        peer.target(),
                        peer.tls(),
                        settings.speaking(ProtocolVersion.SMUX_1, ProtocolVersion.SMUX_2)
                                .with(peer.peer().forMux(peer.greetingDelay())),
                        limits.mostConnections()));
        return Stream.concat(clients, peers).toList();
    }

    @Override
    public boolean servesStockPeers() {
        return !smux.isEmpty();
    }

    /** What would run: a line for each address, then a line for each topic. */
    @Override
    public String describe() {
        String how = tls.map(TlsConfig::describe).orElse("not encrypted");
        Stream<String> clientsAt = listen.stream()
                .map(address -> "listen   " + address + ", " + how
                        + HeaderGate.describe(proxies)
                        + webSocket.map(web -> ", " + web.describe()).orElse(""));
        Stream<String> known = Stream.concat(
                clients.stream().map(client -> client.describe(limits.client())),
                anonymous.allow().stream()
                        .map(allow -> "others   " + ClientConfig.describe(allow, anonymous.offers())
                                + anonymous.rate().describeUnlessOff()
                                + anonymous.quota().describeUnless(limits.client())));
        Stream<String> peers = smux.stream().map(SmuxEndpointConfig::describe);
        return """
                %s

                limits     %s
                           of each client: %s
                rate       %s
                dial       within %s
                keepalive  %s, or %s without acknowledgement
                resume     %s
                flow       %s
                drain      %s
                admin      %s
                log        %s
                """.formatted(
                        Stream.of(clientsAt, listeners.stream().map(ListenerConfig::describe), known, peers)
                                .flatMap(lines -> lines)
                                .collect(joining("\n")),
                        limits.describe(),
                        limits.client().describe(),
                        rate.describe(),
                        Units.of(dialTimeout),
                        keepalive.describe(),
                        Units.of(userTimeout),
                        resume.describe(),
                        flow.describe(),
                        drain.describe(),
                        admin.describe(),
                        log.describe());
    }
}
