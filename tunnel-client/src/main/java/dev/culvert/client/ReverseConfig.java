package dev.culvert.client;

import static dev.culvert.common.config.Kind.hostPort;
import static dev.culvert.common.config.Kind.integer;
import static dev.culvert.common.config.Kind.offOr;
import static dev.culvert.common.config.Kind.oneOf;
import static dev.culvert.common.config.Kind.targetAddress;

import dev.culvert.common.config.Kind;
import dev.culvert.common.config.RateConfig;
import dev.culvert.common.config.Section;
import dev.culvert.common.net.ProxyHeader;
import dev.culvert.mux.Address;
import dev.culvert.mux.HostPort;
import io.netty.util.NetUtil;
import java.util.Optional;

/**
 * A listener of the server whose connections go to a target on this side.
 *
 * @param name of the listener
 * @param target what this client dials
 * @param targetTls how this client speaks TLS with the target; empty: it passes on what is said
 * @param listen where the server is to listen for this client; empty: at its own listener of that name
 * @param maxConnections at the same time, 1 to 1000000
 * @param health empty: it is offered whether the target answers or not
 * @param header what each connection begins with at the target; empty: nothing
 * @param rate of all its connections together
 */
record ReverseConfig(
        String name,
        Address target,
        Optional<TargetTlsConfig> targetTls,
        Optional<HostPort> listen,
        int maxConnections,
        Optional<HealthConfig> health,
        Optional<ProxyHeader> header,
        RateConfig rate) {
    private static final int USUAL_MOST = 10_000;

    /** The server resolves no names for its clients. */
    private static final Kind<HostPort> LITERAL = hostPort()
            .except(
                    address -> NetUtil.createInetAddressFromIpAddressString(address.host()) == null,
                    "expected an IP address of the server's machine and a port, such as \"127.0.0.1:9001\" or"
                            + " \"0.0.0.0:9001\"");

    static ReverseConfig read(String name, Section section) {
        return new ReverseConfig(
                name,
                section.get("target", targetAddress()),
                TargetTlsConfig.read(section),
                section.find("listen", LITERAL),
                section.get("max-connections", integer(1, 1_000_000), USUAL_MOST),
                section.isOff("health") ? Optional.empty() : Optional.of(section.section("health", HealthConfig::read)),
                section.get("proxy-protocol", offOr(oneOf(ProxyHeader.class)), Optional.empty()),
                RateConfig.read(section));
    }

    /** Where in the configuration it stands. */
    String place() {
        return "reverse." + name;
    }

    /** A few words for people. */
    String describe() {
        return "%s  the server's %s -> %s%s, %s%s%s%s"
                .formatted(
                        name,
                        listen.map(HostPort::toString).orElse("listener " + name),
                        target,
                        targetTls.map(tls -> " with TLS" + tls.describe(target)).orElse(""),
                        health.map(HealthConfig::describe).orElse("not checked"),
                        header.map(version -> ", PROXY protocol " + version).orElse(""),
                        maxConnections == USUAL_MOST ? "" : ", " + maxConnections + " connections at most",
                        rate.describeUnlessOff());
    }
}
