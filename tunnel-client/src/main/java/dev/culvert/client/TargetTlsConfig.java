package dev.culvert.client;

import dev.culvert.common.config.Kind;
import dev.culvert.common.config.Section;
import dev.culvert.common.tls.WebTls;
import dev.culvert.mux.Address;
import dev.culvert.mux.HostPort;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * How an agent speaks TLS with a target: {@code target-tls = on}, or a section.
 *
 * @param caFile the authorities that are trusted; empty: those of the JDK
 * @param serverName whom the certificate has to be of; empty: the host of the target, or localhost for a unix socket
 */
record TargetTlsConfig(Optional<Path> caFile, Optional<String> serverName) {
    static final Duration PATIENCE = Duration.ofSeconds(10);
    /** The host of a unix socket. */
    private static final String LOCAL = "localhost";

    /** Empty: there is none. */
    static Optional<TargetTlsConfig> read(Section section) {
        if (section.isWord("target-tls", "off") || !section.has("target-tls")) {
            return Optional.empty();
        }
        return Optional.of(
                section.isWord("target-tls", "on")
                        ? new TargetTlsConfig(Optional.empty(), Optional.empty())
                        : section.section("target-tls", TargetTlsConfig::readSection));
    }

    private static TargetTlsConfig readSection(Section tls) {
        Optional<Path> caFile = tls.findFile("ca-file");
        if (caFile.isPresent()) {
            try {
                WebTls.check(caFile.get());
            } catch (IOException e) {
                tls.error("ca-file", String.valueOf(e.getMessage()));
            }
        }
        return new TargetTlsConfig(caFile, tls.find("server-name", Kind.host()));
    }

    /** Reads the file of a target that may speak TLS. Blocks; throws with a sentence for the user. */
    static Optional<WebTls> to(Address target, Optional<TargetTlsConfig> tls) throws IOException {
        return tls.isEmpty() ? Optional.empty() : Optional.of(tls.get().to(target));
    }

    private WebTls to(Address target) throws IOException {
        String host = target instanceof HostPort tcp ? tcp.host() : LOCAL;
        int port = target instanceof HostPort tcp ? tcp.port() : 1;
        return WebTls.toTarget(new HostPort(serverName.orElse(host), port), caFile, PATIENCE);
    }

    String describe(Address target) {
        Optional<String> said = target instanceof HostPort ? serverName : Optional.of(serverName.orElse(LOCAL));
        return said.map(name -> ", its certificate of " + name).orElse("")
                + caFile.map(file -> ", by the CA " + file).orElse("");
    }
}
