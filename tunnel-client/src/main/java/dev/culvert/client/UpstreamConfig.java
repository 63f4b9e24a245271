package dev.culvert.client;

import static dev.culvert.common.config.Kind.duration;
import static dev.culvert.common.config.Kind.flag;
import static dev.culvert.common.config.Kind.integer;
import static dev.culvert.common.config.Kind.offOr;
import static dev.culvert.common.config.Kind.oneOf;
import static java.time.Duration.ZERO;
import static java.time.Duration.ofDays;
import static java.time.Duration.ofHours;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;

import dev.culvert.common.config.Kind;
import dev.culvert.common.config.Plaintext;
import dev.culvert.common.config.Section;
import dev.culvert.common.config.SmuxPeerConfig;
import dev.culvert.common.config.Units;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The server and the sessions to it.
 *
 * @param servers tried in this order, or with weights; at least one
 * @param sessions kept up side by side, 1 to 64
 * @param standby one more is, for when these take no connections; only with two servers or more
 * @param proxy by which they are reached
 * @param tls empty: nothing is encrypted
 * @param insecure the servers need not be on loopback, although nothing is encrypted
 * @param sessionWait how long a new local connection waits for a session, 0s to 10m
 * @param connectTimeout for one attempt, 100ms to 5m
 * @param userTimeout TCP_USER_TIMEOUT: how long sent data may stay unacknowledged, 1s to 1h
 * @param maxAge then another session takes the place of one, 1s to 365d; empty: never
 * @param returnAfter how often a server is tried that comes before the present one, 1s to 24h; empty: never
 * @param smux means nothing with {@link Protocol#CULVERT}
 */
record UpstreamConfig(
        List<Listed> servers,
        int sessions,
        boolean standby,
        Protocol protocol,
        ProxyConfig proxy,
        Optional<UpstreamTlsConfig> tls,
        boolean insecure,
        Duration sessionWait,
        Duration connectTimeout,
        Backoff backoff,
        Duration userTimeout,
        Optional<Duration> maxAge,
        Optional<Duration> returnAfter,
        SmuxPeerConfig smux) {
    UpstreamConfig {
        Set<Location> seen = new HashSet<>();
        for (Listed listed : servers) {
            if (!seen.add(listed.location)) {
                throw new IllegalArgumentException(
                        "servers has %s twice; remove one, or give it a weight".formatted(listed.location));
            }
        }
    }

    /**
     * One of the servers.
     *
     * @param weight 1 to 1000, where one of them has a weight, all have; 0: none has
     */
    record Listed(Location location, int weight) {
        static List<Listed> read(Section section, Kind<Location> kind) {
            List<Listed> listed = section.list(
                    "servers",
                    kind.map(location -> new Listed(location, 0)),
                    item -> new Listed(item.get("address", kind), item.get("weight", integer(1, 1000), 1)));
            return listed.stream().allMatch(one -> one.weight == 0)
                    ? listed
                    : listed.stream()
                            .map(one -> new Listed(one.location, Math.max(1, one.weight)))
                            .toList();
        }

        @Override
        public String toString() {
            return weight == 0 ? location.toString() : location + " (weight " + weight + ")";
        }
    }

    /**
     * The pause before the next attempt to connect.
     *
     * @param min after the first failure, 10ms to 1h
     * @param max after many, 10ms to 1h; not less than {@code min}
     */
    record Backoff(Duration min, Duration max) {
        Backoff {
            if (min.compareTo(max) > 0) {
                throw new IllegalArgumentException(
                        "min (%s) must not exceed max (%s)".formatted(Units.of(min), Units.of(max)));
            }
        }

        static Backoff read(Section section) {
            Kind<Duration> pause = duration(ofMillis(10), ofHours(1));
            return new Backoff(section.get("min", pause, ofMillis(100)), section.get("max", pause, ofSeconds(5)));
        }
    }

    static UpstreamConfig read(Section section) {
        boolean plain = section.isOff("tls");
        boolean insecure = section.get("insecure", flag(), false);
        Protocol protocol = section.get("protocol", oneOf(Protocol.class), Protocol.CULVERT);
        if (protocol == Protocol.CULVERT && section.has("smux")) {
            section.error("smux", "is for a stock smux peer; remove it, or set protocol = smux-v1 or smux-v2");
        }
        List<Listed> servers = Listed.read(
                section,
                Plaintext.address(Location.KIND, Location::address, !plain || insecure, section.path("insecure")));
        boolean standby = section.get("standby", flag(), false);
        if (standby && servers.size() < 2) {
            section.error(
                    "standby", "needs another server to stand by at; list two or more in servers, or remove standby");
        }
        return new UpstreamConfig(
                servers,
                section.get("sessions", integer(1, 64), 1),
                standby,
                protocol,
                ProxyConfig.read(
                        section,
                        System.getenv(),
                        servers.stream()
                                .map(listed -> listed.location().address())
                                .toList()),
                plain ? Optional.empty() : Optional.of(section.section("tls", UpstreamTlsConfig::read)),
                insecure,
                section.get("wait", duration(ZERO, ofMinutes(10)), ofSeconds(10)),
                section.get("connect-timeout", duration(ofMillis(100), ofMinutes(5)), ofSeconds(10)),
                section.section("backoff", Backoff::read),
                section.get("user-timeout", duration(ofSeconds(1), ofHours(1)), ofSeconds(15)),
                section.get("max-age", offOr(duration(ofSeconds(1), ofDays(365))), Optional.empty()),
                section.get("return-after", offOr(duration(ofSeconds(1), ofHours(24))), Optional.of(ofSeconds(60))),
                section.section("smux", SmuxPeerConfig::read));
    }

    /** A few words for people, without the servers. */
    String describe() {
        return protocol + ", sessions " + sessions + (standby ? " and a standby, " : ", ")
                + tls.map(UpstreamTlsConfig::describe).orElse("not encrypted")
                + (protocol == Protocol.CULVERT ? "" : ", " + smux.describe())
                + describeProxy();
    }

    private String describeProxy() {
        List<Location> led = servers.stream()
                .map(Listed::location)
                .filter(server -> proxy.to(server.address()).isPresent())
                .toList();
        if (led.isEmpty()) {
            return "";
        }
        String which = led.size() == servers.size()
                ? ""
                : led.stream().map(Location::toString).collect(Collectors.joining(" and ", " to ", ""));
        return ", through the proxy " + proxy.proxy().orElseThrow() + which;
    }

    /** A few words for people on how sessions come to be. */
    String describeConnect() {
        return "within %s, again after %s to %s; a new connection waits for %s%s%s"
                .formatted(
                        Units.of(connectTimeout),
                        Units.of(backoff.min),
                        Units.of(backoff.max),
                        Units.of(sessionWait),
                        maxAge.map(age -> "; a session is replaced after " + Units.of(age))
                                .orElse(""),
                        returnAfter
                                .filter(period -> servers.size() > 1 && servers.get(0).weight == 0)
                                .map(period -> "; the first server is tried again every " + Units.of(period))
                                .orElse(""));
    }
}
