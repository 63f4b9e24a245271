package dev.culvert.server;

import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.culvert.common.config.AdminConfig;
import dev.culvert.common.config.BadConfig;
import dev.culvert.common.config.DrainConfig;
import dev.culvert.common.config.FlowConfig;
import dev.culvert.common.config.KeepaliveConfig;
import dev.culvert.common.config.LogConfig;
import dev.culvert.common.config.RateConfig;
import dev.culvert.common.config.ResumeConfig;
import dev.culvert.common.config.SmuxPeerConfig;
import dev.culvert.common.config.TlsConfig;
import dev.culvert.common.net.AddressSet;
import dev.culvert.common.net.AllowList;
import dev.culvert.common.net.AllowRule;
import dev.culvert.common.net.SocketFile;
import dev.culvert.common.tls.Fingerprint;
import dev.culvert.common.tls.Identity;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.OpenRequest;
import dev.culvert.mux.UnixPath;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ServerConfigTest {
    /** As little as a server for clients needs, in one line. */
    private static final String CLIENTS = """
            listen = "127.0.0.1:7443", tls = off, anonymous { allow = ["127.0.0.1:8000"] }
            """;

    /** As little as a server for stock smux peers needs, in one line. */
    private static final String SMUX = """
            smux { old { listen = "127.0.0.1:9000", target = "127.0.0.1:9001", tls = off } }
            """;

    private static final String NOT_LOOPBACK = "which is not a loopback address, and without encryption anybody on the"
            + " way can read and change the traffic; remove tls = off, use 127.0.0.1, [::1] or localhost, or accept the risk with"
            + " insecure = true";

    private static final Quota CLIENT = new Quota(100, 20_000, 10_000, 10_000, 128 << 20);
    private static final LimitsConfig LIMITS =
            new LimitsConfig(new Quota(1_000, 100_000, 20_000, 20_000, 256 << 20), 500, ofSeconds(10), CLIENT);
    private static final AnonymousConfig NOBODY =
            new AnonymousConfig(Optional.empty(), OfferRules.NOTHING, CLIENT, RateConfig.OFF);
    private static final KeepaliveConfig KEEPALIVE = new KeepaliveConfig(ofSeconds(5), ofSeconds(15));
    private static final ResumeConfig RESUME = new ResumeConfig(ofSeconds(60), 64 << 20);
    private static final FlowConfig FLOW = new FlowConfig(64 << 20, 16 << 20, 32760);
    private static final DrainConfig DRAIN = new DrainConfig(ofSeconds(30), Duration.ofHours(1), Optional.empty());

    @TempDir
    Path directory;

    private ServerConfig read(String text) throws IOException, BadConfig {
        return ServerConfig.read(Files.writeString(directory.resolve("server.conf"), text));
    }

    private List<String> errors(String text) {
        return catchThrowableOfType(BadConfig.class, () -> read(text)).errors().stream()
                .map(error -> error.replace(directory + "/", ""))
                .toList();
    }

    private static AllowList allow(String... rules) {
        return new AllowList(Stream.of(rules).map(AllowRule::parse).toList());
    }

    @Test
    void aServerForClientsHasDefaults() throws Exception {
        assertThat(read(CLIENTS))
                .isEqualTo(new ServerConfig(
                        Optional.of(new HostPort("127.0.0.1", 7443)),
                        AddressSet.NONE,
                        Optional.empty(),
                        Optional.empty(),
                        false,
                        List.of(),
                        List.of(),
                        new AnonymousConfig(
                                Optional.of(allow("127.0.0.1:8000")), OfferRules.NOTHING, CLIENT, RateConfig.OFF),
                        List.of(),
                        LIMITS,
                        RateConfig.OFF,
                        ofSeconds(10),
                        ofSeconds(15),
                        KEEPALIVE,
                        RESUME,
                        FLOW,
                        DRAIN,
                        new AdminConfig(List.of(), false),
                        LogConfig.DEFAULT));
    }

    @Test
    void aServerForSmuxPeersHasDefaults() throws Exception {
        assertThat(read(SMUX))
                .isEqualTo(new ServerConfig(
                        Optional.empty(),
                        AddressSet.NONE,
                        Optional.empty(),
                        Optional.empty(),
                        false,
                        List.of(),
                        List.of(),
                        NOBODY,
                        List.of(new SmuxEndpointConfig(
                                "old",
                                new HostPort("127.0.0.1", 9000),
                                new HostPort("127.0.0.1", 9001),
                                false,
                                false,
                                ofMillis(10),
                                new SmuxPeerConfig(4 << 20, true, ofMillis(250), ofSeconds(60)),
                                RateConfig.OFF)),
                        LIMITS,
                        RateConfig.OFF,
                        ofSeconds(10),
                        ofSeconds(15),
                        KEEPALIVE,
                        RESUME,
                        FLOW,
                        DRAIN,
                        new AdminConfig(List.of(), false),
                        LogConfig.DEFAULT));
    }

    @Test
    void everythingCanBeSet() throws Exception {
        assertThat(read("""
                                listen = "0.0.0.0:7443", tls = off, insecure = true, accept-proxy-protocol = "10.0.0.1"
                                websocket { path = "/tunnel", trusted-proxies = ["10.0.0.0/8"] }
                                anonymous { allow = ["db.internal:5432", "10.0.0.0/8:443"], limits { streams = 11, buffer = 1m }, rate.up = 2k }
                                rate { up = 1t, down = 10m }
                                user-timeout = 1s
                                smux {
                                  old {
                                    listen = "[::]:0", target = "a:1", insecure = true, greeting-delay = 0s
                                    peer-buffer = 64k, half-close = false, fin-delay = 0s, stall-timeout = 1s, rate.down = 3k
                                  }
                                }
                                limits {
                                  sessions = 1, streams = 2, opens-per-second = 3, dials-per-second = 4, buffer = 5m
                                  handshakes = 5, handshake-timeout = 4s
                                  client { sessions = 6, streams = 7, opens-per-second = 8, dials-per-second = 9, buffer = 10m }
                                }
                                dial { timeout = 5s }
                                keepalive { interval = 1s, timeout = 2s }
                                resume { window = 0s, buffer = 256k }
                                flow { buffer = 1m, max-window = 128k, frame-size = 1024 }
                                drain { timeout = 0s, upgrade-timeout = 2s, idle = 1s }
                                admin { listen = off }
                                log { format = json, level = warn, levels { "a.b" = trace } }
                                """))
                .isEqualTo(new ServerConfig(
                        Optional.of(new HostPort("0.0.0.0", 7443)),
                        AddressSet.parse("10.0.0.1"),
                        Optional.of(new WebSocketConfig("/tunnel", AddressSet.parse("10.0.0.0/8"))),
                        Optional.empty(),
                        true,
                        List.of(),
                        List.of(),
                        new AnonymousConfig(
                                Optional.of(allow("db.internal:5432", "10.0.0.0/8:443")),
                                OfferRules.NOTHING,
                                new Quota(6, 11, 8, 9, 1 << 20),
                                new RateConfig(Optional.of(2L << 10), Optional.empty())),
                        List.of(new SmuxEndpointConfig(
                                "old",
                                new HostPort("::", 0),
                                new HostPort("a", 1),
                                false,
                                true,
                                Duration.ZERO,
                                new SmuxPeerConfig(64 << 10, false, ofMillis(0), ofSeconds(1)),
                                new RateConfig(Optional.empty(), Optional.of(3L << 10)))),
                        new LimitsConfig(
                                new Quota(1, 2, 3, 4, 5 << 20), 5, ofSeconds(4), new Quota(6, 7, 8, 9, 10 << 20)),
                        new RateConfig(Optional.of(1L << 40), Optional.of(10L << 20)),
                        ofSeconds(5),
                        ofSeconds(1),
                        new KeepaliveConfig(ofSeconds(1), ofSeconds(2)),
                        new ResumeConfig(ofSeconds(0), 256 << 10),
                        new FlowConfig(1 << 20, 128 << 10, 1024),
                        new DrainConfig(Duration.ZERO, ofSeconds(2), Optional.of(ofSeconds(1))),
                        new AdminConfig(List.of(), true),
                        new LogConfig(
                                LogConfig.Format.JSON, LogConfig.Level.WARN, Map.of("a.b", LogConfig.Level.TRACE))));
    }

    @Test
    void allErrorsComeAtOnce() {
        assertThat(errors("""
                                listen = "0.0.0.0:7443", tls = off
                                smux {
                                  a { listen = "127.0.0.1:9000" }
                                  b { listen = "127.0.0.1:9000", target = "x:1", greeting_delay = 0s }
                                }
                                limits { streams = none }
                                flow { buffer = 1m, max-window = 2m }
                                """))
                .containsExactly(
                        "server.conf:1: listen: found \"0.0.0.0:7443\", " + NOT_LOOPBACK,
                        "server.conf:1: anonymous: missing: without TLS nobody knows who connects;"
                                + " write anonymous { allow = [\"HOST:PORT\"] } with what anybody who reaches listen"
                                + " may dial",
                        "server.conf:3: smux.a.target: missing, expected HOST:PORT such as \"127.0.0.1:8080\","
                                + " or unix:PATH",
                        "server.conf:4: smux.b.listen: 127.0.0.1:9000 is taken by smux.a.listen;"
                                + " give each its own address",
                        "server.conf:4: smux.b.greeting_delay: unknown key; did you mean smux.b.greeting-delay?",
                        "server.conf:6: limits.streams: found \"none\", expected a whole number from 1 to 1000000",
                        "server.conf:7: flow: max-window (2m) must not exceed buffer (1m)");
    }

    @Test
    void aServerHasToListenOnSomething() {
        assertThat(errors("smux {}"))
                .containsExactly("server.conf:1: listen: missing,"
                        + " expected listen = \"0.0.0.0:7443\" for clients, or smux { ... } for stock smux peers");
    }

    @BeforeAll
    static void makeKey() throws IOException {
        Identity.make(KEY, "server");
    }

    private static final Path KEY = TlsConfig.defaultKey("server");
    private static final String FINGERPRINT = "SHA256:" + "A".repeat(43);
    private static final String OTHER = "SHA256:" + "B".repeat(42) + "A";
    private static final String SECURE = """
            listen = "0.0.0.0:7443", clients { laptop { key = "%s", allow = ["127.0.0.1:80"] } }
            """.formatted(FINGERPRINT);

    @Test
    void withTlsAServerIsAnywhereAndKnowsItsClientsByTheirKeys() throws Exception {
        ServerConfig config = read(SECURE);
        assertThat(config.tls()).contains(new TlsConfig(KEY, KEY, Optional.empty()));
        assertThat(config.clients())
                .containsExactly(new ClientConfig(
                        "laptop",
                        List.of(Fingerprint.parse(FINGERPRINT)),
                        List.of(),
                        allow("127.0.0.1:80"),
                        OfferRules.NOTHING,
                        CLIENT,
                        RateConfig.OFF));
        assertThat(config.describe()).startsWith("""
                listen   0.0.0.0:7443, TLS 1.3, own key %s (%s)
                client   laptop, %s, may dial 127.0.0.1:80
                """.formatted(Identity.read(KEY, KEY), KEY, FINGERPRINT));
    }

    @Test
    void aClientMayHaveLimitsOfItsOwn() throws Exception {
        ServerConfig config = read(SECURE + "clients.laptop.limits.streams = 5, limits.client.sessions = 6");
        assertThat(config.clients().get(0).quota()).isEqualTo(new Quota(6, 5, 10_000, 10_000, 128 << 20));
        assertThat(config.describe()).contains("may dial 127.0.0.1:80; 6 sessions, 5 streams, 10000 opens");
    }

    @Test
    void aClientMayHaveARateOfItsOwn() throws Exception {
        ServerConfig config = read(SECURE + "clients.laptop { rate { up = 10m, down = off }, limits.streams = 5 }");
        assertThat(config.clients().get(0).rate()).isEqualTo(new RateConfig(Optional.of(10L << 20), Optional.empty()));
        assertThat(config.describe()).contains("may dial 127.0.0.1:80, at most 10m/s up; 100 sessions, 5 streams");
        assertThat(errors(SECURE + "rate.up = 1000"))
                .containsExactly("server.conf:2: rate.up: found 1000, expected off or a size from 1k to 1024g");
    }

    @Test
    void somebodyHasToBeLetIn() {
        assertThat(errors("listen = \"0.0.0.0:7443\""))
                .containsExactly("server.conf:1: clients: missing: nobody could connect; write clients { laptop { key ="
                        + " \"SHA256:...\", allow = [\"HOST:PORT\"] } } with what `tunnel-client keygen` prints there");
    }

    @Test
    void everybodyIsLetInOnlyByName() throws Exception {
        assertThat(read("listen = \"0.0.0.0:7443\", anonymous { allow = [\"a:1\"] }")
                        .describe())
                .contains("\nothers   may dial a:1\n");
    }

    @Test
    void aClientHasAKeyAndSomethingToDial() {
        assertThat(errors(SECURE + "clients.none {}"))
                .containsExactly(
                        "server.conf:2: clients.none.key: missing, expected \"SHA256:...\","
                                + " which `keygen` prints on the other machine",
                        "server.conf:2: clients.none.allow: missing,"
                                + " expected a list of HOST:PORTS such as \"db.internal:5432\" or \"10.0.0.0/8:443\"");
    }

    @Test
    void aClientMayHaveSeveralKeysButNoneOfAnotherOne() {
        assertThat(errors(SECURE
                        + "clients.same { key = [\"%s\", \"%s\"], allow = [\"a:1\"] }".formatted(OTHER, FINGERPRINT)))
                .containsExactly("server.conf:2: clients.same.key: " + FINGERPRINT
                        + " is that of clients.laptop.key already; give each its own");
    }

    @Test
    void theNameOfAnotherOneIsNoOtherInCapitals() throws Exception {
        Files.copy(KEY, directory.resolve("ca.pem"));
        assertThat(
                        errors(
                                SECURE + "tls.ca-file = ca.pem\n"
                                        + "clients { a { name = laptop.lan, allow = [\"a:1\"] }\nb { name = Laptop.lan, allow = [\"b:1\"] } }"))
                .containsExactly("server.conf:4: clients.b.name: Laptop.lan is that of clients.a.name already;"
                        + " give each its own");
    }

    @Test
    void aKeyThatIsNoneIsSaidOnce() {
        assertThat(errors(SECURE + "clients.other { key = {}, allow = [\"a:1\"] }"))
                .hasSize(1);
    }

    @Test
    void aNameNeedsSomebodyWhoVouchesForIt() throws Exception {
        String named = "clients.phone { name = phone.example.com, allow = [\"a:1\"] }\n";
        assertThat(errors(SECURE + named))
                .containsExactly("server.conf:1: clients: phone has a name,"
                        + " which needs tls.ca-file: who would vouch for it?");
        Files.copy(KEY, directory.resolve("ca.pem"));
        assertThat(read(SECURE + named + "tls.ca-file = ca.pem").clients())
                .extracting(ClientConfig::names)
                .containsExactly(List.of(), List.of("phone.example.com"));
    }

    @Test
    void withoutTlsNobodyHasAKey() {
        assertThat(errors(CLIENTS + "clients { laptop { key = \"" + FINGERPRINT + "\", allow = [\"a:1\"] } }"))
                .containsExactly("server.conf:2: clients: are known by their keys, and without TLS nobody shows one;"
                        + " remove tls = off");
    }

    @Test
    void aSmuxEndpointHasTheTlsOfTheServer() throws Exception {
        assertThat(read(SECURE + "smux { old { listen = \"0.0.0.0:9000\", target = \"a:1\" } }")
                        .smux())
                .extracting(SmuxEndpointConfig::tls)
                .containsExactly(true);
        assertThat(errors(SECURE + "smux { old { listen = \"127.0.0.1:9000\", target = \"a:1\", tls = on } }"))
                .containsExactly("server.conf:2: smux.old.tls: expected off, or nothing:"
                        + " keys and certificates are those of the top-level tls");
    }

    @Test
    void anAllowRuleHasPorts() {
        assertThat(errors(CLIENTS + "anonymous.allow = [\n\"a:1\",\n\"b\"]"))
                .singleElement()
                .asString()
                .startsWith("server.conf:4: anonymous.allow: found \"b\": ");
    }

    @Test
    void anAllowListWithoutRulesIsOfNoUse() {
        assertThat(errors(CLIENTS + "anonymous.allow = []"))
                .containsExactly("server.conf:2: anonymous.allow: found an empty list,"
                        + " expected a list of HOST:PORTS such as \"db.internal:5432\" or \"10.0.0.0/8:443\"");
    }

    @Test
    void clientsAndSmuxPeersNeedAddressesOfTheirOwn() {
        assertThat(errors(CLIENTS + SMUX + "listen = \"127.0.0.1:9000\""))
                .containsExactly("server.conf:2: smux.old.listen: 127.0.0.1:9000 is taken by listen;"
                        + " give each its own address");
    }

    @Test
    void aSmuxEndpointStaysOnLoopback() {
        assertThat(errors(SMUX + "smux.old.listen = \"192.0.2.1:9000\""))
                .containsExactly("server.conf:2: smux.old.listen: found \"192.0.2.1:9000\", "
                        + NOT_LOOPBACK.replace("insecure", "smux.old.insecure"));
    }

    @Test
    void aSmuxEndpointListensElsewhereForWhoAcceptsTheRiskThere() throws Exception {
        assertThat(read(SMUX + "smux.old { listen = \"192.0.2.1:9000\", insecure = true }")
                        .insecure())
                .isFalse();
    }

    @Test
    void aSmuxEndpointListensElsewhereForWhoAcceptsTheRiskEverywhere() throws Exception {
        assertThat(read(SMUX + "smux.old { listen = \"192.0.2.1:9000\" }, insecure = true")
                        .smux())
                .extracting(SmuxEndpointConfig::insecure)
                .containsExactly(true);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "limits.sessions = 0               | found 0, expected a whole number from 1 to 1000000",
                "limits.sessions = 1000001         | found 1000001, expected a whole number from 1 to 1000000",
                "limits.handshakes = 0             | found 0, expected a whole number from 1 to 1000000",
                "limits.streams = 0                | found 0, expected a whole number from 1 to 1000000",
                "limits.streams = 1000001          | found 1000001, expected a whole number from 1 to 1000000",
                "limits.opens-per-second = 0       | found 0, expected a whole number from 1 to 1000000",
                "limits.opens-per-second = 1000001 | found 1000001, expected a whole number from 1 to 1000000",
                "limits.handshake-timeout = 99ms   | found \"99ms\", expected a duration from 100ms to 5m",
                "limits.handshake-timeout = 301s   | found \"301s\", expected a duration from 100ms to 5m",
                "dial.timeout = 99ms               | found \"99ms\", expected a duration from 100ms to 5m",
                "dial.timeout = 301s               | found \"301s\", expected a duration from 100ms to 5m",
                "user-timeout = 999ms              | found \"999ms\", expected a duration from 1s to 1h",
                "user-timeout = 61m                | found \"61m\", expected a duration from 1s to 1h",
                "smux.old.greeting-delay = -1ms    | found \"-1ms\", expected a duration from 0s to 1s",
                "smux.old.greeting-delay = 1001ms  | found \"1001ms\", expected a duration from 0s to 1s",
                "smux.old.peer-buffer = 63k        | found \"63k\", expected a size from 64k to 4g",
                "smux.old.target = \"a:0\"         | found \"a:0\", expected a port from 1 to 65535",
            })
    void valuesHaveRanges(String setting, String error) {
        String key = setting.substring(0, setting.indexOf(' '));
        assertThat(errors(SMUX + setting)).containsExactly("server.conf:2: " + key + ": " + error);
    }

    @Test
    void aDescriptionSaysWhatWouldRun() throws Exception {
        assertThat(read(CLIENTS + SMUX).describe()).isEqualTo("""
                        listen   127.0.0.1:7443, not encrypted
                        others   may dial 127.0.0.1:8000
                        old  127.0.0.1:9000 -> 127.0.0.1:9001, stock smux, not encrypted, greeting held for 10ms, peer buffers 4m, half-close for 1m

                        limits     1000 sessions, 100000 streams, 20000 opens and 20000 dials a second, 256m; 500 handshakes, each within 10s
                                   of each client: 100 sessions, 20000 streams, 10000 opens and 10000 dials a second, 128m
                        rate       off
                        dial       within 10s
                        keepalive  every 5s, dead after 15s of silence, or 15s without acknowledgement
                        resume     within 1m of a lost link, from up to 64m
                        flow       64m a session, 16m a stream, frames of 32760
                        drain      up to 30s, after an upgrade up to 1h
                        admin      auto
                        log        auto, from info
                        """);
    }

    @Test
    void aClientMayOfferWhatItsConfigurationListsAndNeedNotDial() throws Exception {
        ServerConfig config = read("""
                listen = "0.0.0.0:7443", clients { shop { key = "%s", offers = ["web", "127.0.0.1:9000-9100"] } }
                listeners { web { listen = "0.0.0.0:8080", max-connections = 5 } }
                """.formatted(FINGERPRINT));
        OfferRules offers = config.clients().get(0).offers();
        assertThat(config.listeners())
                .containsExactly(new ListenerConfig(
                        "web", new HostPort("0.0.0.0", 8080), SocketFile.USUAL, AddressSet.NONE, 5, false));
        assertThat(offers.covers(OpenRequest.offer("web", null, 1, false))).isTrue();
        assertThat(offers.covers(OpenRequest.offer("mail", null, 1, false))).isFalse();
        assertThat(offers.covers(OpenRequest.offer("mail", new HostPort("127.0.0.1", 9100), 1, false)))
                .isTrue();
        assertThat(offers.covers(OpenRequest.offer("web", new HostPort("0.0.0.0", 9100), 1, false)))
                .isFalse();
        assertThat(offers.covers(OpenRequest.offer("web", new UnixPath("/run/x"), 1, false)))
                .isFalse();
        assertThat(offers.covers(OpenRequest.offer("a sentence", new HostPort("127.0.0.1", 9100), 1, false)))
                .isFalse();
        assertThat(config.describe())
                .contains(
                        "listener web, 0.0.0.0:8080, 5 connections at most\n",
                        ", may dial nothing, may offer web, 127.0.0.1:9000-9100\n");
    }

    @Test
    void aListenerMayHaveLoadBalancersInFrontOfIt() throws Exception {
        ServerConfig config = read("""
                listen = "127.0.0.1:7443", tls = off, anonymous { offers = ["web"] }
                listeners { web { listen = "0.0.0.0:8080", accept-proxy-protocol = ["10.0.0.1", "2001:db8::/32"] } }
                """);
        assertThat(config.listeners().get(0).proxies().contains(InetAddress.getByName("10.0.0.1")))
                .isTrue();
        assertThat(config.describe())
                .contains(
                        "listener web, 0.0.0.0:8080, for others by PROXY protocol from 10.0.0.1/32, 2001:db8:0:0:0:0:0:0/32\n");
        assertThat(errors("""
                listen = "127.0.0.1:7443", tls = off, anonymous { offers = ["web"] }
                listeners { web { listen = "0.0.0.0:8080", accept-proxy-protocol = "balancer.internal" } }
                """))
                .singleElement()
                .asString()
                .startsWith("server.conf:2: listeners.web.accept-proxy-protocol: found \"balancer.internal\"");
    }

    @Test
    void othersMayOfferSomethingToo() throws Exception {
        assertThat(read("""
                listen = "127.0.0.1:7443", tls = off, anonymous { offers = ["*:*"] }
                """).describe()).contains("\nothers   may dial nothing, may offer *:*\n");
    }

    @Test
    void whatNobodyCouldOfferIsAnError() {
        assertThat(errors("""
                listen = "0.0.0.0:7443", listeners { web { listen = "0.0.0.0:8080" }, mail { listen = "0.0.0.0:7443" } }
                clients { shop { key = "%s", offers = ["wbe", "printer", "localhost:80", "127.0.0.1:0"] } }
                """.formatted(FINGERPRINT)))
                .containsExactly(
                        "server.conf:1: listeners.mail.listen: 0.0.0.0:7443 is taken by listen; give each its own address",
                        "server.conf:2: clients.shop.offers: found \"wbe\": it is none of listeners; did you mean web?",
                        "server.conf:2: clients.shop.offers: found \"printer\": it is none of listeners, which are mail, web",
                        "server.conf:2: clients.shop.offers: found \"localhost:80\": 'localhost' is neither an IP address nor *",
                        "server.conf:2: clients.shop.offers: found \"127.0.0.1:0\": ports go from 1 to 65535, the lower one first");
    }
}
