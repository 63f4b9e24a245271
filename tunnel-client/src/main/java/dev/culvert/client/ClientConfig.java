package dev.culvert.client;

import static dev.culvert.common.config.Kind.duration;
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
import dev.culvert.common.config.ListenAddresses;
import dev.culvert.common.config.LogConfig;
import dev.culvert.common.config.RateConfig;
import dev.culvert.common.config.ResumeConfig;
import dev.culvert.common.config.Section;
import dev.culvert.common.config.TlsConfig;
import dev.culvert.common.config.Units;
import dev.culvert.common.net.Proxy;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.MuxSettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What a client is told to do.
 *
 * @param forwards in the order of the file; no two on the same address
 * @param reverse in the order of the file; one at least, if there is no forward
 * @param dialTimeout for one dial of a target, 100ms to 5m
 * @param rate of all connections together
 */
record ClientConfig(
        UpstreamConfig upstream,
        KeepaliveConfig keepalive,
        ResumeConfig resume,
        FlowConfig flow,
        List<ForwardConfig> forwards,
        List<ReverseConfig> reverse,
        Duration dialTimeout,
        RateConfig rate,
        DrainConfig drain,
        AdminConfig admin,
        LogConfig log)
        implements AgentConfig {

    static final Path DEFAULT_FILE = Path.of("/etc/culvert/client.conf");

    /** Reads a file as {@code docs/configuration.md} describes it. */
    static ClientConfig read(Path file) throws BadConfig {
        return ConfigFile.read(file, ClientConfig::read);
    }

    /** The same of what stands on the command line, by the paths of the keys. */
    static ClientConfig read(Map<String, ?> values) throws BadConfig {
        return ConfigFile.read(values, ClientConfig::read);
    }

    /** Where the key is to be, however much of {@code file} is still missing. */
    static TlsConfig tls(Path file) throws BadConfig {
        return ConfigFile.peek(
                file,
                DEFAULT_FILE,
                "upstream.tls",
                top -> top.section(
                        "upstream",
                        upstream ->
                                upstream.section("tls", tls -> TlsConfig.locate(tls, UpstreamTlsConfig.DEFAULT_KEY))));
    }

    /** By which proxy {@code server} is reached, however much of {@code file} is still missing. */
    static Optional<Proxy> proxy(Path file, HostPort server) throws BadConfig {
        return ConfigFile.peek(
                        file,
                        DEFAULT_FILE,
                        "upstream",
                        top -> top.section(
                                "upstream", upstream -> ProxyConfig.read(upstream, System.getenv(), List.of(server))))
                .to(server);
    }

    /** Who vouches for web servers on the way, the same. */
    static Optional<Path> webCaFile(Path file) throws BadConfig {
        return ConfigFile.peek(
                file,
                DEFAULT_FILE,
                "upstream.tls",
                top -> top.section(
                        "upstream", upstream -> upstream.section("tls", tls -> tls.findFile("web-ca-file"))));
    }

    private static ClientConfig read(Section top) {
        UpstreamConfig upstream = top.section("upstream", UpstreamConfig::read);
        ListenAddresses addresses = new ListenAddresses();
        if (!top.has("forwards") && !top.has("reverse")) {
            top.error(
                    "forwards",
                    "missing, expected at least one, as in"
                            + " forwards { web { listen = \"127.0.0.1:8080\", target = \"127.0.0.1:80\" } }");
        }
        if (top.has("reverse") && upstream.protocol() != Protocol.CULVERT) {
            top.error(
                    "reverse",
                    "takes a Culvert server: stock smux has no words for it; remove it, or set upstream.protocol = culvert");
        }
        return new ClientConfig(
                upstream,
                top.section("keepalive", KeepaliveConfig::read),
                top.section("resume", ResumeConfig::read),
                top.section("flow", FlowConfig::read),
                top.named(
                        "forwards",
                        (name, section) -> ForwardConfig.read(name, section, upstream.protocol(), addresses)),
                top.named("reverse", ReverseConfig::read),
                top.section("dial", dial -> dial.get("timeout", duration(ofMillis(100), ofMinutes(5)), ofSeconds(10))),
                RateConfig.read(top),
                top.section("drain", DrainConfig::read),
                top.section("admin", admin -> AdminConfig.read(admin, addresses)),
                top.section("log", LogConfig::read));
    }

    /** Whether sessions that are begun as {@code other} has it are others. */
    boolean hasOtherSessions(ClientConfig other) {
        return !upstream.equals(other.upstream)
                || !keepalive.equals(other.keepalive)
                || !resume.equals(other.resume)
                || !flow.equals(other.flow);
    }

    @Override
    public long mostConnections() {
        return tcpForwards().stream().mapToLong(ForwardConfig::maxConnections).sum()
                + reverse.stream().mapToLong(ReverseConfig::maxConnections).sum();
    }

    List<ForwardConfig> tcpForwards() {
        return forwards.stream().filter(forward -> !forward.isUdp()).toList();
    }

    List<ForwardConfig> udpForwards() {
        return forwards.stream().filter(ForwardConfig::isUdp).toList();
    }

    /** How the sessions behave; {@code software} is what servers are told. */
    MuxSettings muxSettings(String software) {
        MuxSettings settings = MuxSettings.of(upstream.protocol().version());
        return settings.with(flow.forMux())
                .with(keepalive.forMux())
                .with(resume.forMux())
                .with(upstream.smux().forMux(Duration.ZERO))
                .with(software, upstream.connectTimeout());
    }

    /** What would run: a line for each forward, then a line for each topic. */
    @Override
    public String describe() {
        String via =
                upstream.servers().stream().map(UpstreamConfig.Listed::toString).collect(joining(" or ", " via ", ""));
        return """
                %s

                upstream   %s
                connect    %s
                dial       within %s
                keepalive  %s, or %s without acknowledgement
                resume     %s
                flow       %s
                rate       %s
                drain      %s
                admin      %s
                log        %s
                """.formatted(
                Stream.concat(
                                forwards.stream().map(forward -> forward.describe() + via + forward.describeLimits()),
                                reverse.stream().map(ReverseConfig::describe))
                        .collect(joining("\n")),
                upstream.describe(),
                upstream.describeConnect(),
                Units.of(dialTimeout),
                keepalive.describe(),
                Units.of(upstream.userTimeout()),
                resume.describe(),
                flow.describe(),
                rate.describe(),
                drain.describe(),
                admin.describe(),
                log.describe());
    }
}
