package dev.culvert.client;

import static java.time.Duration.ofHours;
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
import dev.culvert.common.net.NoProxy;
import dev.culvert.common.net.Proxy;
import dev.culvert.common.net.SocketFile;
import dev.culvert.common.tls.Fingerprint;
import dev.culvert.common.tls.Identity;
import dev.culvert.mux.HostPort;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ClientConfigTest {
    /** As little as a client needs, in two lines. */
    private static final String MINIMUM = """
            upstream { tls = off, servers = ["127.0.0.1:7443"] }
            forwards { web { listen = "127.0.0.1:8080", target = "127.0.0.1:8000" } }
            """;

    /** The same for a stock smux peer. */
    private static final String SMUX = """
            upstream { tls = off, servers = ["127.0.0.1:7443"], protocol = smux-v2 }
            forwards { web { listen = "127.0.0.1:8080" } }
            """;

    private static final String NOT_LOOPBACK = "which is not a loopback address, and without encryption anybody on the"
            + " way can read and change the traffic; remove tls = off, use 127.0.0.1, [::1] or localhost, or accept the risk with"
            + " upstream.insecure = true";

    @TempDir
    Path directory;

    private ClientConfig read(String text) throws IOException, BadConfig {
        return ClientConfig.read(Files.writeString(directory.resolve("client.conf"), text));
    }

    private List<String> errors(String text) {
        return catchThrowableOfType(BadConfig.class, () -> read(text)).errors().stream()
                .map(error -> error.replace(directory + "/", ""))
                .toList();
    }

    @BeforeAll
    static void makeKey() throws IOException {
        Identity.make(KEY, "client");
    }

    private static final Path KEY = TlsConfig.defaultKey("client");
    private static final String FINGERPRINT = "SHA256:" + "A".repeat(43);
    private static final String SECURE = """
            upstream { servers = ["tunnel.example.com:7443"], tls { server-key = "%s" } }
            forwards { web { listen = "127.0.0.1:8080", target = "127.0.0.1:8000" } }
            """.formatted(FINGERPRINT);

    @Test
    void withTlsAServerIsAnywhereAndKnownByItsKey() throws Exception {
        ClientConfig config = read(SECURE);
        assertThat(config.upstream().tls())
                .contains(new UpstreamTlsConfig(
                        new TlsConfig(KEY, KEY, Optional.empty()),
                        List.of(Fingerprint.parse(FINGERPRINT)),
                        Optional.empty(),
                        Optional.empty()));
        assertThat(config.describe())
                .contains("upstream   culvert, sessions 1, TLS 1.3, own key "
                        + Identity.read(KEY, KEY).fingerprint() + " (" + KEY + "), server key " + FINGERPRINT + "\n");
    }

    @Test
    void anOldAndANewKeyOfTheServerStandInAList() throws Exception {
        String other = "SHA256:" + "B".repeat(42) + "A";
        assertThat(read(SECURE + "upstream.tls.server-key = [\"" + FINGERPRINT + "\", \"" + other + "\"]")
                        .upstream()
                        .tls()
                        .orElseThrow()
                        .serverKeys())
                .hasToString("[" + FINGERPRINT + ", " + other + "]");
    }

    @Test
    void aKeyFileIsBesideTheConfiguration() throws Exception {
        Identity.make(directory.resolve("sub/my.key"), "client");
        assertThat(read(SECURE + "upstream.tls.key-file = \"sub/my.key\"")
                        .upstream()
                        .tls()
                        .orElseThrow()
                        .files()
                        .keyFile())
                .isEqualTo(directory.resolve("sub/my.key"));
    }

    @Test
    void keysAreLookedAt() {
        assertThat(errors(SECURE + "upstream.tls { key-file = none.key, server-key = \"SHA256:short\" }"))
                .containsExactly(
                        "client.conf:3: upstream.tls.key-file: none.key: no such file; `keygen` makes a key",
                        "client.conf:3: upstream.tls.server-key: found \"SHA256:short\": a fingerprint is SHA256: and 43"
                                + " characters of base64, as `keygen` prints it on the other machine");
    }

    @Test
    void anAuthorityStandsInForTheKeyOfTheServer() throws Exception {
        Files.copy(KEY, directory.resolve("ca.pem"));
        String authority = "upstream.tls { server-key = null, ca-file = ca.pem, server-name = a.example.com }";
        assertThat(read(SECURE + authority).upstream().tls().orElseThrow().serverName())
                .contains("a.example.com");
        assertThat(errors(SECURE + "upstream.tls.ca-file = ca.pem"))
                .containsExactly("client.conf:1: upstream.tls.server-key: does not go with ca-file:"
                        + " write the one that is to decide");
        assertThat(errors(SECURE + "upstream.tls.server-name = a.example.com"))
                .containsExactly("client.conf:3: upstream.tls.server-name: is for ca-file; a server-key needs no name");
    }

    @Test
    void whereTheKeyIsToBeIsKnownFromAFileThatIsNotRightYet() throws Exception {
        Path file = Files.writeString(directory.resolve("c.conf"), "upstream { tls { key-file = my.key } }");
        assertThat(ClientConfig.tls(file).keyFile()).isEqualTo(directory.resolve("my.key"));
        assertThat(ClientConfig.tls(Files.writeString(file, "listen = 1")).keyFile())
                .isEqualTo(KEY);
    }

    @Test
    void everythingButTheServerAndTheForwardsHasADefault() throws Exception {
        assertThat(read(MINIMUM))
                .isEqualTo(new ClientConfig(
                        new UpstreamConfig(
                                List.of(new UpstreamConfig.Listed(Location.of(new HostPort("127.0.0.1", 7443)), 0)),
                                1,
                                false,
                                Protocol.CULVERT,
                                new ProxyConfig(Optional.empty(), NoProxy.NONE),
                                Optional.empty(),
                                false,
                                ofSeconds(10),
                                ofSeconds(10),
                                new UpstreamConfig.Backoff(ofMillis(100), ofSeconds(5)),
                                ofSeconds(15),
                                Optional.empty(),
                                Optional.of(ofSeconds(60)),
                                new SmuxPeerConfig(4 << 20, true, ofMillis(250), ofSeconds(60))),
                        new KeepaliveConfig(ofSeconds(5), ofSeconds(15)),
                        new ResumeConfig(ofSeconds(60), 64 << 20),
                        new FlowConfig(64 << 20, 16 << 20, 32760),
                        List.of(new ForwardConfig(
                                "web",
                                ForwardProtocol.TCP,
                                new HostPort("127.0.0.1", 8080),
                                SocketFile.USUAL,
                                Optional.empty(),
                                AddressSet.NONE,
                                Optional.empty(),
                                Optional.of(new HostPort("127.0.0.1", 8000)),
                                Optional.empty(),
                                Optional.empty(),
                                10_000,
                                ofSeconds(60),
                                RateConfig.OFF)),
                        List.of(),
                        ofSeconds(10),
                        RateConfig.OFF,
                        new DrainConfig(ofSeconds(30), ofHours(1), Optional.empty()),
                        new AdminConfig(List.of(), false),
                        LogConfig.DEFAULT));
    }

    @Test
    void everythingCanBeSet() throws Exception {
        assertThat(read("""
                                upstream {
                                  tls = off, insecure = true, servers = ["a.example.com:1", { address = "[2001:db8::1]:2", weight = 1000 }], sessions = 64, standby = on
                                  proxy = "socks5://me:secret@proxy.example.com:3"
                                  protocol = smux-v1, wait = 0s, connect-timeout = 1s, user-timeout = 2s, max-age = 1m, return-after = off
                                  backoff { min = 1s, max = 1s }
                                  smux { peer-buffer = 1m, half-close = off, fin-delay = 5s, stall-timeout = 1h }
                                }
                                keepalive { interval = 1s, timeout = 2s }
                                resume { window = 0s, buffer = 256k }
                                flow { buffer = 1m, max-window = 128k, frame-size = 65535 }
                                forwards { any { listen = "0.0.0.0:0", max-connections = 1, rate.up = 1k } }
                                rate { up = 1t, down = 10m }
                                dial { timeout = 1s }
                                drain { timeout = 0s, upgrade-timeout = 2s, idle = 1s }
                                admin { listen = ["/run/c.sock", "[::1]:9180"] }
                                log { format = json, level = warn, levels { "a.b" = trace } }
                                """))
                .isEqualTo(new ClientConfig(
                        new UpstreamConfig(
                                List.of(
                                        new UpstreamConfig.Listed(Location.of(new HostPort("a.example.com", 1)), 1),
                                        new UpstreamConfig.Listed(Location.of(new HostPort("2001:db8::1", 2)), 1000)),
                                64,
                                true,
                                Protocol.SMUX_V1,
                                new ProxyConfig(
                                        Optional.of(new Proxy(
                                                Proxy.Protocol.SOCKS5,
                                                new HostPort("proxy.example.com", 3),
                                                Optional.of(new Proxy.Login("me", "secret")),
                                                "upstream.proxy")),
                                        NoProxy.NONE),
                                Optional.empty(),
                                true,
                                ofSeconds(0),
                                ofSeconds(1),
                                new UpstreamConfig.Backoff(ofSeconds(1), ofSeconds(1)),
                                ofSeconds(2),
                                Optional.of(ofSeconds(60)),
                                Optional.empty(),
                                new SmuxPeerConfig(1 << 20, false, ofSeconds(5), ofSeconds(3600))),
                        new KeepaliveConfig(ofSeconds(1), ofSeconds(2)),
                        new ResumeConfig(ofSeconds(0), 256 << 10),
                        new FlowConfig(1 << 20, 128 << 10, 65535),
                        List.of(new ForwardConfig(
                                "any",
                                ForwardProtocol.TCP,
                                new HostPort("0.0.0.0", 0),
                                SocketFile.USUAL,
                                Optional.empty(),
                                AddressSet.NONE,
                                Optional.empty(),
                                Optional.empty(),
                                Optional.empty(),
                                Optional.empty(),
                                1,
                                ofSeconds(60),
                                new RateConfig(Optional.of(1L << 10), Optional.empty()))),
                        List.of(),
                        ofSeconds(1),
                        new RateConfig(Optional.of(1L << 40), Optional.of(10L << 20)),
                        new DrainConfig(ofSeconds(0), ofSeconds(2), Optional.of(ofSeconds(1))),
                        new AdminConfig(List.of("/run/c.sock", "[::1]:9180"), false),
                        new LogConfig(
                                LogConfig.Format.JSON, LogConfig.Level.WARN, Map.of("a.b", LogConfig.Level.TRACE))));
    }

    @Test
    void aForwardOfUdpMayHaveTheAddressOfOneOfTcp() throws Exception {
        assertThat(read("""
                                upstream { servers = ["127.0.0.1:1"], tls = off }
                                forwards {
                                  dns { protocol = udp, listen = "127.0.0.1:53", target = "10.0.0.53:53", flow-timeout = 5s }
                                  dns-tcp { listen = "127.0.0.1:53", target = "10.0.0.53:53" }
                                }
                                """).describe()).startsWith("""
                        dns  udp:127.0.0.1:53 -> udp:10.0.0.53:53 via 127.0.0.1:1, a flow ends after 5s of silence
                        dns-tcp  127.0.0.1:53 -> 10.0.0.53:53 via 127.0.0.1:1
                        """);
    }

    @Test
    void whatUdpCanNotDoIsSaid() {
        assertThat(errors("""
                                upstream { servers = ["127.0.0.1:1"], tls = off }
                                forwards {
                                  a { protocol = udp, listen = "127.0.0.1:53", target = "10.0.0.53:53" }
                                  b { protocol = udp, listen = "127.0.0.1:53", target = "unix:/run/app.sock" }
                                  c { protocol = udp, listen = "unix:@app", target = "10.0.0.53:53" }
                                  d { protocol = sctp, listen = "127.0.0.1:1", target = "10.0.0.53:53", flow-timeout = 5s }
                                }
                                """))
                .containsExactly(
                        "client.conf:4: forwards.b.listen: 127.0.0.1:53 is taken by forwards.a.listen; give each its own address",
                        "client.conf:4: forwards.b.target: found \"unix:/run/app.sock\", a unix socket, which carries no UDP; expected HOST:PORT",
                        "client.conf:5: forwards.c.listen: found \"unix:@app\", a unix socket, which carries no UDP; expected HOST:PORT",
                        "client.conf:6: forwards.d.protocol: found \"sctp\", expected one of tcp, udp, socks5, http-connect",
                        "client.conf:6: forwards.d.flow-timeout: is not for protocol = tcp; remove this key");
        assertThat(errors("""
                                upstream { servers = ["127.0.0.1:1"], tls = off, protocol = smux-v2 }
                                forwards { a { protocol = udp, listen = "127.0.0.1:53" } }
                                """))
                .containsExactly(
                        "client.conf:2: forwards.a.protocol: udp takes upstream.protocol = culvert: with smux-v2 the peer decides the target");
    }

    @Test
    void keysThatAreNotForAProtocolAreRefused() {
        assertThat(errors("""
                                upstream { servers = ["127.0.0.1:1"], tls = off }
                                forwards {
                                  a { protocol = socks5, listen = "127.0.0.1:1080", target = "10.0.0.1:80" }
                                  b { listen = "127.0.0.1:80", target = "10.0.0.1:80", user = "alice" }
                                  c { protocol = udp, listen = "127.0.0.1:53", target = "10.0.0.53:53", proxy-protocol = v2, tls { key-file = "a.pem" } }
                                  d { protocol = http-connect, listen = "127.0.0.1:3128", user = "alice" }
                                  e { listen = "127.0.0.1:81", target = "10.0.0.1:80", mode = "0600" }
                                  f { listen = "/run/app.sock", target = "10.0.0.1:80" }
                                  g { listen = "127.0.0.1:82", target = "10.0.0.1:80", tls { cert-file = "a.pem" } }
                                }
                                """))
                .contains(
                        "client.conf:3: forwards.a.target: with protocol = socks5 each connection says where it goes; remove this key",
                        "client.conf:4: forwards.b.user: is not for protocol = tcp; remove this key",
                        "client.conf:5: forwards.c.proxy-protocol: is not for protocol = udp; remove this key",
                        "client.conf:5: forwards.c.tls: is not for protocol = udp; remove this key",
                        "client.conf:6: forwards.d.password-file: missing, expected a file with the password in its first line,"
                                + " or password = ${?A_VARIABLE} of the environment",
                        "client.conf:7: forwards.e.mode: is for a unix socket that is a file,"
                                + " as in listen = \"unix:/run/app.sock\"; remove it",
                        "client.conf:8: forwards.f.listen: found \"/run/app.sock\"; for a unix socket write \"unix:/run/app.sock\"",
                        "client.conf:9: forwards.g.tls.key-file: missing, expected a PEM file with the key,"
                                + " and its certificate if there is no cert-file");
    }

    @Test
    void aUserAndAGroupThatThereAreNotAreBothNamed() {
        assertThat(errors("""
                                upstream { servers = ["127.0.0.1:1"], tls = off, insecure = true }
                                forwards {
                                  a { listen = "unix:/run/a.sock", target = "127.0.0.1:1", owner = "noone", group = "nothing" }
                                  b { listen = "unix:/run/b.sock", target = "127.0.0.1:1", owner = "root", group = "0" }
                                }
                                """))
                .containsExactlyInAnyOrder(
                        "client.conf:3: forwards.a.owner: found \"noone\", and there is no such user on this machine",
                        "client.conf:3: forwards.a.group: found \"nothing\", and there is no such group on this machine");
    }

    @Test
    void aLoginThatNobodyCouldSayIsRefused() {
        assertThat(errors("""
                                upstream { servers = ["127.0.0.1:1"], tls = off }
                                forwards {
                                  a { protocol = http-connect, listen = "127.0.0.1:1", user = "alice:x", password = "y" }
                                  b { protocol = http-connect, listen = "127.0.0.1:2", user = "", password = "y" }
                                  c { protocol = socks5, listen = "127.0.0.1:3", user = "alice:x", password = "%s" }
                                  d { protocol = socks5, listen = "127.0.0.1:4", user = "älice", password = "y" }
                                  e { protocol = http-connect, listen = "127.0.0.1:5", user = "älice", password = "y" }
                                }
                                """.formatted("p".repeat(256))))
                .containsExactlyInAnyOrder(
                        "client.conf:3: forwards.a.user: found \"alice:x\", expected one without a colon: with http-connect the password begins there",
                        "client.conf:4: forwards.b.user: found \"\", expected a name",
                        "client.conf:5: forwards.c.password: expected 1 to 255 characters of ASCII with socks5",
                        "client.conf:6: forwards.d.user: found \"älice\", expected 1 to 255 characters of ASCII with socks5");
    }

    @Test
    void allErrorsComeAtOnce() {
        assertThat(errors("""
                                upstream {
                                  servers = ["127.0.0.1:7443", "tunnel.example.com:7443"]
                                  sesions = 2
                                  tls = off
                                }
                                keepalive { timeout = 5s }
                                forwards {
                                  web { listen = "80800", target = "127.0.0.1:0" }
                                  db { listen = "127.0.0.1:5432" }
                                  pg { listen = "127.0.0.1:5432", target = "db:5432" }
                                }
                                drian { timeout = 1s }
                                """))
                .containsExactly(
                        "client.conf:2: upstream.servers: found \"tunnel.example.com:7443\", " + NOT_LOOPBACK,
                        "client.conf:3: upstream.sesions: unknown key; did you mean upstream.sessions?",
                        "client.conf:6: keepalive: timeout (5s) must be at least twice interval (5s)",
                        "client.conf:8: forwards.web.listen: found \"80800\","
                                + " expected HOST:PORT such as \"127.0.0.1:8080\"",
                        "client.conf:8: forwards.web.target: found \"127.0.0.1:0\", expected a port from 1 to 65535",
                        "client.conf:9: forwards.db.target: missing, expected HOST:PORT such as \"127.0.0.1:8080\","
                                + " or unix:PATH",
                        "client.conf:10: forwards.pg.listen: 127.0.0.1:5432 is taken by forwards.db.listen;"
                                + " give each its own address",
                        "client.conf:12: drian: unknown key; did you mean drain?");
    }

    @Test
    void anEmptyFileLacksAServerItsProtectionAndAForward() {
        assertThat(errors(""))
                .containsExactly(
                        "client.conf:1: upstream.servers: missing,"
                                + " expected a list of HOST:PORT such as \"127.0.0.1:8080\" or \"wss://HOST/PATH\"",
                        "client.conf:1: upstream.tls.server-key: missing, expected \"SHA256:...\","
                                + " which `keygen` prints on the other machine",
                        "client.conf:1: forwards: missing, expected at least one,"
                                + " as in forwards { web { listen = \"127.0.0.1:8080\", target = \"127.0.0.1:80\" } }");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "servers = []            | found an empty list, expected a list of HOST:PORT such as \"127.0.0.1:8080\" or \"wss://HOST/PATH\"",
                "sessions = 0            | found 0, expected a whole number from 1 to 64",
                "sessions = 65           | found 65, expected a whole number from 1 to 64",
                "protocol = smux         | found \"smux\", expected one of culvert, smux-v1, smux-v2",
                "insecure = perhaps      | found \"perhaps\", expected true or false",
                "wait = -1s              | found \"-1s\", expected a duration from 0s to 10m",
                "wait = 11m              | found \"11m\", expected a duration from 0s to 10m",
                "connect-timeout = 99ms  | found \"99ms\", expected a duration from 100ms to 5m",
                "connect-timeout = 301s  | found \"301s\", expected a duration from 100ms to 5m",
                "user-timeout = 999ms    | found \"999ms\", expected a duration from 1s to 1h",
                "user-timeout = 61m      | found \"61m\", expected a duration from 1s to 1h",
                "backoff.min = 9ms       | found \"9ms\", expected a duration from 10ms to 1h",
                "backoff.max = 61m       | found \"61m\", expected a duration from 10ms to 1h",
            })
    void upstreamHasRanges(String setting, String error) {
        String key = setting.substring(0, setting.indexOf(' '));
        assertThat(errors(MINIMUM + "upstream." + setting))
                .containsExactly("client.conf:3: upstream." + key + ": " + error);
    }

    @Test
    void aServerMayHaveAWeightAndNothingElse() {
        assertThat(errors(MINIMUM + """
                                upstream.servers = [
                                  { address = "127.0.0.1:1", weight = 0 }
                                  { address = "192.0.2.1:1" }
                                  { weight = 2, wait = 1s }
                                ]
                                """))
                .containsExactly(
                        "client.conf:4: upstream.servers.weight: found 0, expected a whole number from 1 to 1000",
                        "client.conf:5: upstream.servers.address: found \"192.0.2.1:1\", " + NOT_LOOPBACK,
                        "client.conf:6: upstream.servers.address: missing,"
                                + " expected HOST:PORT such as \"127.0.0.1:8080\" or \"wss://HOST/PATH\"",
                        "client.conf:6: upstream.servers.wait: unknown key; the keys here are address, weight");
    }

    @Test
    void weightsAreDescribed() throws Exception {
        assertThat(read(MINIMUM + "upstream.servers = [\"localhost:1\", { address = \"localhost:2\", weight = 3 }]")
                        .describe())
                .contains(" via localhost:1 (weight 1) or localhost:2 (weight 3)\n")
                .doesNotContain("the first server");
    }

    @Test
    void aServerIsListedOnce() throws Exception {
        assertThat(errors(MINIMUM + "upstream.servers = [\"localhost:1\", \"localhost:2\", \"localhost:1\"]"))
                .containsExactly(
                        "client.conf:1: upstream: servers has localhost:1 twice; remove one, or give it a weight");
    }

    @Test
    void aStandbyNeedsASecondServer() throws Exception {
        assertThat(errors(MINIMUM + "upstream.standby = true"))
                .containsExactly("client.conf:3: upstream.standby: needs another server to stand by at;"
                        + " list two or more in servers, or remove standby");
        assertThat(read(MINIMUM + "upstream { standby = true, servers = [\"localhost:1\", \"localhost:2\"] }")
                        .describe())
                .contains("upstream   culvert, sessions 1 and a standby, not encrypted\n");
    }

    @Test
    void backoffGrows() {
        assertThat(errors(MINIMUM + "upstream.backoff.min = 6s"))
                .containsExactly("client.conf:3: upstream.backoff: min (6s) must not exceed max (5s)");
    }

    @Test
    void theLastForwardCannotBeTakenAway() {
        assertThat(errors(MINIMUM + "forwards.web = null"))
                .singleElement()
                .asString()
                .startsWith("client.conf:3: forwards: missing, expected at least one");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1_000_001})
    void aForwardHasARangeOfConnections(int max) {
        assertThat(errors(MINIMUM + "forwards.web.max-connections = " + max))
                .containsExactly("client.conf:3: forwards.web.max-connections: found " + max
                        + ", expected a whole number from 1 to 1000000");
    }

    @Test
    void aForwardHasANameOfFewCharacters() {
        assertThat(errors(MINIMUM + "forwards.\"a/b\" { listen = \"[::1]:1\", target = \"[::1]:2\" }"))
                .containsExactly(
                        "client.conf:3: forwards.\"a/b\": a name has 1 to 64 of the characters A-Z a-z 0-9 . _ -");
    }

    @Test
    void twoForwardsMayBothTakeAnyFreePort() throws Exception {
        assertThat(read(MINIMUM + """
                                forwards.web.listen = "127.0.0.1:0"
                                forwards.db { listen = "127.0.0.1:0", target = "db:5432" }
                                """).forwards())
                .extracting(ForwardConfig::name)
                .containsExactly("web", "db");
    }

    @Test
    void aSmuxPeerDecidesTheTarget() {
        assertThat(errors(SMUX + "forwards.web.target = \"127.0.0.1:80\""))
                .containsExactly("client.conf:3: forwards.web.target:"
                        + " with protocol = smux-v2 the peer decides the target; remove this key");
    }

    @Test
    void aSmuxSectionIsForSmuxPeers() {
        assertThat(errors(MINIMUM + "upstream.smux.half-close = false"))
                .containsExactly("client.conf:3: upstream.smux: is for a stock smux peer;"
                        + " remove it, or set protocol = smux-v1 or smux-v2");
    }

    @Test
    void aServerElsewhereIsAnErrorOnItsLine() {
        assertThat(errors(MINIMUM + "upstream.servers = [\n\"[::1]:1\",\n\"192.0.2.1:1\"]"))
                .containsExactly("client.conf:5: upstream.servers: found \"192.0.2.1:1\", " + NOT_LOOPBACK);
    }

    @Test
    void aServerElsewhereIsFineForWhoAcceptsTheRisk() throws Exception {
        assertThat(read(MINIMUM + "upstream { insecure = true, servers = [\"192.0.2.1:1\"] }")
                        .upstream()
                        .servers())
                .containsExactly(new UpstreamConfig.Listed(Location.of(new HostPort("192.0.2.1", 1)), 0));
    }

    @Test
    void aDescriptionSaysWhatWouldRun() throws Exception {
        assertThat(read(MINIMUM + """
                                upstream { servers = ["localhost:7443", "localhost:7444"] }
                                forwards.db { listen = "[::1]:5432", target = "db.internal:5432", max-connections = 5 }
                                """).describe()).isEqualTo("""
                        web  127.0.0.1:8080 -> 127.0.0.1:8000 via localhost:7443 or localhost:7444
                        db  [::1]:5432 -> db.internal:5432 via localhost:7443 or localhost:7444, 5 connections at most

                        upstream   culvert, sessions 1, not encrypted
                        connect    within 10s, again after 100ms to 5s; a new connection waits for 10s; the first server is tried again every 1m
                        dial       within 10s
                        keepalive  every 5s, dead after 15s of silence, or 15s without acknowledgement
                        resume     within 1m of a lost link, from up to 64m
                        flow       64m a session, 16m a stream, frames of 32760
                        rate       off
                        drain      up to 30s, after an upgrade up to 1h
                        admin      auto
                        log        auto, from info
                        """);
    }

    @Test
    void aDescriptionSaysWhatASmuxPeerIsTakenFor() throws Exception {
        assertThat(read(SMUX).describe())
                .startsWith("web  127.0.0.1:8080 -> the peer's target via 127.0.0.1:7443\n")
                .contains("upstream   smux-v2, sessions 1, not encrypted, peer buffers 4m, half-close for 1m\n");
    }

    private static final String REVERSE = """
            upstream { tls = off, servers = ["127.0.0.1:7443"] }
            """;

    @Test
    void whatItOffersIsEnoughForAClient() throws Exception {
        ClientConfig config = read(REVERSE + "reverse { web { target = \"127.0.0.1:3000\" } }");
        assertThat(config.reverse())
                .containsExactly(new ReverseConfig(
                        "web",
                        new HostPort("127.0.0.1", 3000),
                        Optional.empty(),
                        Optional.empty(),
                        10_000,
                        Optional.of(new HealthConfig(ofSeconds(10), ofSeconds(2), 3, 2)),
                        Optional.empty(),
                        RateConfig.OFF));
        assertThat(config.describe())
                .startsWith(
                        "web  the server's listener web -> 127.0.0.1:3000, checked every 10s, within 2s; down after 3,"
                                + " up after 2\n");
    }

    @Test
    void aListenerOfItsOwnIsAnAddressAndHealthCanBeOff() throws Exception {
        ClientConfig config = read(REVERSE + """
                reverse { web { target = "unix:/run/app.sock", listen = "[::]:9001", health = off, max-connections = 5 } }
                """);
        assertThat(config.describe())
                .startsWith("web  the server's [::]:9001 -> unix:/run/app.sock, not checked, 5 connections at most\n");
    }

    @Test
    void itsTargetMaySpeakTls() throws Exception {
        Path authority = directory.resolve("ca.pem");
        Files.copy(KEY, authority);
        ClientConfig config = read(REVERSE + """
                reverse {
                  a { target = "web.internal:443", target-tls = on, health = off }
                  b { target = "10.0.0.1:443", target-tls { ca-file = ca.pem, server-name = web.internal }, proxy-protocol = v2, health = off }
                  c { target = "10.0.0.1:443", target-tls = off, health = off }
                }
                """);
        assertThat(config.reverse())
                .extracting(ReverseConfig::targetTls)
                .containsExactly(
                        Optional.of(new TargetTlsConfig(Optional.empty(), Optional.empty())),
                        Optional.of(new TargetTlsConfig(Optional.of(authority), Optional.of("web.internal"))),
                        Optional.empty());
        assertThat(config.describe()).startsWith("""
                a  the server's listener a -> web.internal:443 with TLS, not checked
                b  the server's listener b -> 10.0.0.1:443 with TLS, its certificate of web.internal, by the CA %s, not checked, PROXY protocol v2
                c  the server's listener c -> 10.0.0.1:443, not checked
                """.formatted(authority));
    }

    @Test
    void whatVouchesForItsTargetHasToBeThere() throws Exception {
        Files.writeString(directory.resolve("empty.pem"), "");
        assertThat(errors(REVERSE + """
                reverse {
                  a { target = "web.internal:443", target-tls { ca-file = none.pem } }
                  b { target = "web.internal:443", target-tls { ca-file = empty.pem, name = a } }
                  c { target = "web.internal:443", target-tls { server-name = "web.internal:443" } }
                }
                """))
                .containsExactly(
                        "client.conf:3: reverse.a.target-tls.ca-file: none.pem: no such file",
                        "client.conf:4: reverse.b.target-tls.ca-file: empty.pem"
                                + " has no certificate, expected PEM with BEGIN CERTIFICATE",
                        "client.conf:4: reverse.b.target-tls.name: unknown key; the keys here are ca-file, server-name",
                        "client.conf:5: reverse.c.target-tls.server-name: found \"web.internal:443\":"
                                + " 'web.internal:443' is neither a host name nor an IPv6 address");
    }

    @Test
    void whatIsOfferedWronglyIsSaid() {
        assertThat(errors(REVERSE + """
                reverse {
                  a { listen = "localhost:9001" }
                  b { target = "127.0.0.1:1", listen = "127.0.0.1:0", health { fall = 0 } }
                }
                """))
                .containsExactly(
                        "client.conf:3: reverse.a.target: missing, expected HOST:PORT such as \"127.0.0.1:8080\", or unix:PATH",
                        "client.conf:3: reverse.a.listen: found \"localhost:9001\", expected an IP address of the server's"
                                + " machine and a port, such as \"127.0.0.1:9001\" or \"0.0.0.0:9001\"",
                        "client.conf:4: reverse.b.listen: found \"127.0.0.1:0\", expected a port from 1 to 65535",
                        "client.conf:4: reverse.b.health.fall: found 0, expected a whole number from 1 to 100");
        assertThat(errors(SMUX + "reverse { web { target = \"127.0.0.1:3000\" } }"))
                .containsExactly(
                        "client.conf:3: reverse: takes a Culvert server: stock smux has no words for it; remove it,"
                                + " or set upstream.protocol = culvert");
    }
}
