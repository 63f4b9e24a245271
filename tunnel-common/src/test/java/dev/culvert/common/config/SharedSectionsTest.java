package dev.culvert.common.config;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.mux.HostPort;
import dev.culvert.mux.UnixPath;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The sections that a client and a server have in common. */
class SharedSectionsTest {
    @TempDir
    Path directory;

    private <T> T read(String text, Function<Section, T> shape) throws BadConfig {
        return new Text(directory, text).read(shape);
    }

    private List<String> errors(String text, Function<Section, ?> shape) {
        return new Text(directory, text).errors(shape);
    }

    @Test
    void keepaliveHasDefaults() throws BadConfig {
        assertThat(read("", KeepaliveConfig::read))
                .isEqualTo(new KeepaliveConfig(Duration.ofSeconds(5), Duration.ofSeconds(15)));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "interval = 99ms | interval: found \"99ms\", expected a duration from 100ms to 10m",
                "interval = 11m  | interval: found \"11m\", expected a duration from 100ms to 10m",
                "timeout = 199ms | timeout: found \"199ms\", expected a duration from 200ms to 1h",
                "timeout = 61m   | timeout: found \"61m\", expected a duration from 200ms to 1h",
            })
    void keepaliveHasRanges(String text, String error) {
        assertThat(errors(text, KeepaliveConfig::read)).containsExactly("a.conf:1: " + error);
    }

    @Test
    void keepaliveWaitsForTwoAnswersAtLeast() {
        assertThat(errors("interval = 8s", KeepaliveConfig::read))
                .containsExactly("a.conf:1: timeout (15s) must be at least twice interval (8s)");
    }

    @Test
    void keepaliveDescribesItself() throws BadConfig {
        assertThat(read("", KeepaliveConfig::read).describe()).isEqualTo("every 5s, dead after 15s of silence");
    }

    @Test
    void drainHasDefaults() throws BadConfig {
        assertThat(read("", DrainConfig::read))
                .isEqualTo(new DrainConfig(Duration.ofSeconds(30), Duration.ofHours(1), Optional.empty()));
    }

    @Test
    void afterAnUpgradeADrainTakesNoLess() throws BadConfig {
        assertThat(read("timeout = 2h", DrainConfig::read).upgradeTimeout()).isEqualTo(Duration.ofHours(2));
    }

    @Test
    void drainCanEndIdleConnectionsEarly() throws BadConfig {
        assertThat(read("idle = 5s", DrainConfig::read).idle()).contains(Duration.ofSeconds(5));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "timeout = -1s | timeout: found \"-1s\", expected a duration from 0s to 24h",
                "timeout = 25h | timeout: found \"25h\", expected a duration from 0s to 24h",
                "idle = 900ms  | idle: found \"900ms\", expected off or a duration from 1s to 24h",
                "idle = 25h    | idle: found \"25h\", expected off or a duration from 1s to 24h",
                "idle = on     | idle: found \"on\", expected off or a duration from 1s to 24h",
            })
    void drainHasRanges(String text, String error) {
        assertThat(errors(text, DrainConfig::read)).containsExactly("a.conf:1: " + error);
    }

    @Test
    void drainDescribesItself() throws BadConfig {
        assertThat(read("", DrainConfig::read).describe()).isEqualTo("up to 30s, after an upgrade up to 1h");
        assertThat(read("idle = 5s", DrainConfig::read).describe())
                .isEqualTo("up to 30s, after an upgrade up to 1h, connections idle for 5s are ended at once");
    }

    @Test
    void theLogHasDefaults() throws BadConfig {
        assertThat(read("", LogConfig::read)).isEqualTo(LogConfig.DEFAULT);
    }

    @Test
    void loggersCanBeWrittenWithQuotesAndWithout() throws BadConfig {
        assertThat(read(
                        "format = json, level = warn, levels { \"a.b\" = debug, a.b.c = trace, d = error, e = null }",
                        LogConfig::read))
                .isEqualTo(new LogConfig(
                        LogConfig.Format.JSON,
                        LogConfig.Level.WARN,
                        Map.of(
                                "a.b", LogConfig.Level.DEBUG,
                                "a.b.c", LogConfig.Level.TRACE,
                                "d", LogConfig.Level.ERROR)));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "format = xml         | format: found \"xml\", expected one of auto, text, journald, json",
                "level = loud         | level: found \"loud\", expected one of error, warn, info, debug, trace",
                "levels = debug       | levels: found \"debug\", expected a section in braces { }",
                "levels.a.b = 1       | levels.a.b: found 1, expected one of error, warn, info, debug, trace",
                "levels { \"a.b\" = 1 } | levels.\"a.b\": found 1, expected one of error, warn, info, debug, trace",
            })
    void theLogHasFormatsAndLevels(String text, String error) {
        assertThat(errors(text, LogConfig::read)).containsExactly("a.conf:1: " + error);
    }

    @Test
    void theLogDescribesItself() throws BadConfig {
        assertThat(read("", LogConfig::read).describe()).isEqualTo("auto, from info");
        assertThat(read("levels { b = warn, a = debug }", LogConfig::read).describe())
                .isEqualTo("auto, from info, a from debug, b from warn");
    }

    @Test
    void flowHasDefaults() throws BadConfig {
        assertThat(read("", FlowConfig::read)).isEqualTo(new FlowConfig(64 << 20, 16 << 20, 32760));
    }

    @Test
    void flowTakesSizesOfGigabytes() throws BadConfig {
        assertThat(read("buffer = 4g, max-window = 4g", FlowConfig::read))
                .isEqualTo(new FlowConfig(4L << 30, 4L << 30, 32760));
    }

    @Test
    void aSmallBufferMakesTheDefaultWindowSmall() throws BadConfig {
        assertThat(read("buffer = 8m", FlowConfig::read)).isEqualTo(new FlowConfig(8 << 20, 8 << 20, 32760));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "buffer = 1023k     | buffer: found \"1023k\", expected a size from 1m to 4g",
                "buffer = 5g        | buffer: found \"5g\", expected a size from 1m to 4g",
                "max-window = 127k  | max-window: found \"127k\", expected a size from 128k to 4g",
                "max-window = 65m   | max-window (65m) must not exceed buffer (64m)",
                "frame-size = 1023  | frame-size: found 1023, expected a whole number from 1024 to 65535",
                "frame-size = 65536 | frame-size: found 65536, expected a whole number from 1024 to 65535",
            })
    void flowHasRanges(String text, String error) {
        assertThat(errors(text, FlowConfig::read)).containsExactly("a.conf:1: " + error);
    }

    @Test
    void flowDescribesItself() throws BadConfig {
        assertThat(read("", FlowConfig::read).describe()).isEqualTo("64m a session, 16m a stream, frames of 32760");
    }

    @Test
    void aSmuxPeerHasDefaults() throws BadConfig {
        assertThat(read("", SmuxPeerConfig::read))
                .isEqualTo(new SmuxPeerConfig(4 << 20, true, Duration.ofMillis(250), Duration.ofSeconds(60)));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "peer-buffer = 63k          | peer-buffer: found \"63k\", expected a size from 64k to 4g",
                "peer-buffer = 5g           | peer-buffer: found \"5g\", expected a size from 64k to 4g",
                "half-close = 1             | half-close: found 1, expected true or false",
                "fin-delay = 6s        | fin-delay: found \"6s\", expected a duration from 0s to 5s",
                "stall-timeout = 900ms | stall-timeout: found \"900ms\", expected a duration from 1s to 24h",
                "stall-timeout = 25h   | stall-timeout: found \"25h\", expected a duration from 1s to 24h",
            })
    void aSmuxPeerHasRanges(String text, String error) {
        assertThat(errors(text, SmuxPeerConfig::read)).containsExactly("a.conf:1: " + error);
    }

    @Test
    void aSmuxPeerDescribesItself() throws BadConfig {
        assertThat(read("", SmuxPeerConfig::read).describe()).isEqualTo("peer buffers 4m, half-close for 1m");
        assertThat(read("half-close = false", SmuxPeerConfig::read).describe())
                .isEqualTo("peer buffers 4m, no half-close");
    }

    @Test
    void anAddressIsListenedOnOnce() {
        ListenAddresses addresses = new ListenAddresses();
        assertThat(errors(
                        """
                        f {
                          a { listen = "localhost:80" }
                          b { listen = "localhost:81" }
                          c { listen = "localhost:80" }
                        }
                        """,
                        top -> top.named("f", (name, section) -> {
                            HostPort listen = section.get("listen", Kind.listenAddress());
                            addresses.take(listen, section);
                            return listen;
                        })))
                .containsExactly(
                        "a.conf:4: f.c.listen: localhost:80 is taken by f.a.listen; give each its own address");
    }

    @Test
    void oneAddressIsNotListenedOnBesideAllOfThem() {
        assertThat(collisions("0.0.0.0:80", "127.0.0.1:80"))
                .containsExactly("a.conf:1: b.listen: 127.0.0.1:80 is taken by a.listen, which is on 0.0.0.0:80;"
                        + " give each its own port");
        assertThat(collisions("127.0.0.1:80", "0.0.0.0:80")).hasSize(1);
        assertThat(collisions("[::]:80", "0.0.0.0:80")).hasSize(1);
        assertThat(collisions("192.0.2.1:80", "[::]:80")).hasSize(1);
        assertThat(collisions("[::]:80", "[::1]:80")).hasSize(1);
        assertThat(collisions("[::]:80", "example.org:80")).hasSize(1);
        assertThat(collisions("localhost:80", "127.0.0.1:80")).hasSize(1);
        assertThat(collisions("[::1]:80", "[0:0::1]:80")).hasSize(1);
    }

    @Test
    void addressesOfWhichNeitherHasTheOtherAreTwo() {
        assertThat(collisions("0.0.0.0:80", "[::1]:80")).isEmpty();
        assertThat(collisions("0.0.0.0:80", "127.0.0.1:81")).isEmpty();
        assertThat(collisions("0.0.0.0:0", "127.0.0.1:0")).isEmpty();
        assertThat(collisions("127.0.0.1:80", "127.0.0.2:80")).isEmpty();
        assertThat(collisions("[fe80::1%eth0]:80", "[fe80::1%eth1]:80")).isEmpty();
    }

    private List<String> collisions(String one, String other) {
        Text text = new Text(directory, "a { listen = \"%s\" }, b { listen = \"%s\" }".formatted(one, other));
        try {
            text.read(SharedSectionsTest::two);
            return List.of();
        } catch (BadConfig e) {
            return text.errors(SharedSectionsTest::two);
        }
    }

    private static List<HostPort> two(Section top) {
        ListenAddresses addresses = new ListenAddresses();
        return List.of("a", "b").stream()
                .map(name -> top.section(name, section -> {
                    HostPort listen = section.get("listen", Kind.listenAddress());
                    addresses.take(listen, section);
                    return listen;
                }))
                .toList();
    }

    @Test
    void thePathOfAnAdminSocketMayBeWrittenAsElsewhere() throws BadConfig {
        assertThat(read("listen = \"unix:/run/web.sock\"", admin -> AdminConfig.read(admin, new ListenAddresses()))
                        .listen())
                .containsExactly("/run/web.sock");
    }

    @Test
    void thePathOfAnAdminSocketIsAbsolute() {
        for (String path : List.of("client.sock", "./client.sock", "./a:1", "unix:client.sock", "unix:@client")) {
            assertThat(errors("listen = \"" + path + "\"", admin -> AdminConfig.read(admin, new ListenAddresses())))
                    .containsExactly("a.conf:1: listen: found \"" + path
                            + "\": a path has to be absolute, as in \"/run/culvert/client.sock\","
                            + " and an address has a port, as in \"127.0.0.1:9180\"");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "auto                              | /run/culvert/web.sock",
                "off                               |",
                "[\"127.0.0.1:1\", \"/run/a.sock\"] | /run/a.sock",
                "[\"127.0.0.1:0\", \"127.0.0.1:1\"] | 127.0.0.1:1",
                "\"127.0.0.1:0\"                   |"
            })
    void anAgentIsAskedByItsSocketOrAtAPortThatIsKnown(String listen, @Nullable String address) throws BadConfig {
        assertThat(read("listen = " + listen, admin -> AdminConfig.read(admin, new ListenAddresses()))
                        .askAt(Path.of("web.conf"), Map.of()))
                .isEqualTo(Optional.ofNullable(address));
    }

    @Test
    void anAdminEndpointHasAddressesOfItsOwn() {
        assertThat(errors("""
                        web { listen = "unix:/run/web.sock" }
                        admin { listen = ["127.0.0.1:9180", "/run/web.sock"] }
                        other { listen = "127.0.0.1:9180" }
                        far { listen = "192.0.2.1:80" }
                        long { listen = "/run/%s" }
                        """.formatted("x".repeat(103)), top -> {
                    ListenAddresses addresses = new ListenAddresses();
                    top.section("web", web -> {
                        addresses.take(new UnixPath("/run/web.sock"), web);
                        return web.get("listen", Kind.text());
                    });
                    return List.of("admin", "other", "far", "long").stream()
                            .map(name -> top.section(name, section -> AdminConfig.read(section, addresses)))
                            .toList();
                }))
                .containsExactly(
                        "a.conf:2: admin.listen: unix:/run/web.sock is taken by web.listen; give each its own address",
                        "a.conf:3: other.listen: 127.0.0.1:9180 is taken by admin.listen; give each its own address",
                        "a.conf:4: far.listen: found \"192.0.2.1:80\": it tells everything about the connections to"
                                + " whoever asks, so only loopback addresses will do",
                        "a.conf:5: long.listen: found \"/run/%s\": the path of a unix socket has 2 to 107 characters"
                                .formatted("x".repeat(103)));
    }
}
