package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** nginx as docs/examples/nginx has it, with a name, a certificate and ports of its own. */
final class WebSite implements AutoCloseable {
    private static final Path EXAMPLE = AgentProcess.source("docs/examples/nginx/culvert.conf");

    private final Nginx nginx;
    private final int port = Service.freePort();

    /**
     * Starts it.
     *
     * @param directory for its files
     * @param name of the web site
     * @param serverPort where it passes sessions on to
     */
    WebSite(Path directory, String name, CertificateAuthority.Issued certificate, int serverPort) throws IOException {
        Map<String, String> others = new LinkedHashMap<>();
        others.put("    listen 443 ssl", "    listen 127.0.0.1:" + port + " ssl");
        others.put("server_name tunnel.example.com", "server_name " + name);
        others.put(
                "/etc/ssl/certs/tunnel.example.com.pem",
                certificate.certificates().toString());
        others.put("/etc/ssl/private/tunnel.example.com.key", certificate.key().toString());
        others.put("http://127.0.0.1:7443", "http://127.0.0.1:" + serverPort);
        String site = Files.readString(EXAMPLE);
        for (Map.Entry<String, String> other : others.entrySet()) {
            assertThat(site).containsOnlyOnce(other.getKey());
            site = site.replace(other.getKey(), other.getValue());
        }
        nginx = new Nginx(Files.createDirectories(directory), site);
    }

    int port() {
        return port;
    }

    void reload() {
        nginx.reload();
    }

    @Override
    public void close() {
        nginx.close();
    }
}
