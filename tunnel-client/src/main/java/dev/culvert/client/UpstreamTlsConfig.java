package dev.culvert.client;

import dev.culvert.common.config.Kind;
import dev.culvert.common.config.Section;
import dev.culvert.common.config.TlsConfig;
import dev.culvert.common.tls.Fingerprint;
import dev.culvert.common.tls.WebTls;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Who the client is, and which server it trusts.
 *
 * @param serverKeys any of them will do: an old and a new one, while they are changed; empty: the CA decides
 * @param serverName what the server's certificate has to be for, if not for the host of {@code upstream.servers}
 * @param webCaFile PEM, the authorities that vouch for web servers on the way; empty: those of the JDK
 */
record UpstreamTlsConfig(
        TlsConfig files, List<Fingerprint> serverKeys, Optional<String> serverName, Optional<Path> webCaFile) {
    static final Path DEFAULT_KEY = TlsConfig.defaultKey("client");

    static UpstreamTlsConfig read(Section section) {
        boolean byAuthority = section.has("ca-file");
        if (byAuthority && section.has("server-key")) {
            section.error("server-key", "does not go with ca-file: write the one that is to decide");
        }
        if (!byAuthority && section.has("server-name")) {
            section.error("server-name", "is for ca-file; a server-key needs no name");
        }
        Optional<Path> webCaFile = section.findFile("web-ca-file");
        webCaFile.ifPresent(file -> {
            try {
                WebTls.check(file);
            } catch (IOException e) {
                section.error("web-ca-file", String.valueOf(e.getMessage()));
            }
        });
        return new UpstreamTlsConfig(
                TlsConfig.read(section, DEFAULT_KEY),
                byAuthority ? List.of() : section.oneOrMore("server-key", TlsConfig.FINGERPRINT),
                section.find("server-name", Kind.host()),
                webCaFile);
    }

    /** A few words for people. */
    String describe() {
        return files.describe()
                + (serverKeys.isEmpty()
                        ? serverName.map(name -> ", server " + name).orElse("")
                        : serverKeys.stream()
                                .map(Fingerprint::toString)
                                .collect(Collectors.joining(" or ", ", server key ", "")))
                + webCaFile.map(file -> ", web servers by " + file).orElse("");
    }
}
