package dev.culvert.client;

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
import java.util.Optional;

/**
 * What a client is told to do.
 *
 * @param forwards in the order of the file; at least one, no two on the same address
 * @param rate of all forwards together
 */
record ClientConfig(
        UpstreamConfig upstream,
        KeepaliveConfig keepalive,
        ResumeConfig resume,
        FlowConfig flow,
        List<ForwardConfig> forwards,
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
        if (!top.has("forwards")) {
            top.error(
                    "forwards",
                    "missing, expected at least one, as in"
                            + " forwards { web { listen = \"127.0.0.1:8080\", target = \"127.0.0.1:80\" } }");
        }
        return new ClientConfig(
                upstream,
                top.section("keepalive", KeepaliveConfig::read),
                top.section("resume", ResumeConfig::read),
                top.section("flow", FlowConfig::read),
                top.named(
                        "forwards",
                        (name, section) -> ForwardConfig.read(name, section, upstream.protocol(), addresses)),
                RateConfig.read(top),
                top.section("drain", DrainConfig::read),
                top.section("admin", AdminConfig::read),
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
        return tcpForwards().stream().mapToLong(ForwardConfig::maxConnections).sum();
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
                keepalive  %s, or %s without acknowledgement
                resume     %s
                flow       %s
                rate       %s
                drain      %s
                admin      %s
                log        %s
                """.formatted(
                        forwards.stream()
                                .map(forward -> forward.describe() + via + forward.describeLimits())
                                .collect(joining("\n")),
                        upstream.describe(),
                        upstream.describeConnect(),
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
