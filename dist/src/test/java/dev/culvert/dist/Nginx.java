package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A web server as docs/examples/nginx has it, with a name, a certificate and ports of its own. */
final class Nginx implements AutoCloseable {
    static final String PROGRAM = "/usr/sbin/nginx";
    private static final Path EXAMPLE = AgentProcess.source("docs/examples/nginx/culvert.conf");

    private final Path directory;
    private final int port;
    private final Process process;
    private final Log log;

    /**
     * Starts it.
     *
     * @param directory for its files
     * @param name of the web site
     * @param serverPort where it passes sessions on to
     */
    Nginx(Path directory, String name, CertificateAuthority.Issued certificate, int serverPort) throws IOException {
        this.directory = Files.createDirectories(directory);
        try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            port = free.getLocalPort();
        }
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
        String owner = Files.getOwner(this.directory).getName();
        Files.writeString(
                this.directory.resolve("nginx.conf"), """
                %s
                daemon off;
                pid nginx.pid;
                error_log stderr notice;
                worker_processes 1;
                worker_shutdown_timeout 1s;
                events {}
                http {
                  access_log off;
                  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
                  %s
                }
                """.formatted(owner.equals("root") ? "user root;" : "", site));
        process = new ProcessBuilder(PROGRAM, "-p", directory + "/", "-c", "nginx.conf", "-e", "stderr")
                .redirectErrorStream(true)
                .start();
        log = new Log("nginx", process.getInputStream());
        await("nginx listens:\n" + log)
                .atMost(AgentProcess.PATIENCE)
                .ignoreExceptions()
                .until(() -> {
                    Tunnel.connectTo(port).close();
                    return true;
                });
    }

    int port() {
        return port;
    }

    /** Reads its configuration again: another worker takes new connections, and what the old one still carries is cut off after a second. */
    void reload() {
        Programs.run(PROGRAM, "-p", directory + "/", "-c", "nginx.conf", "-e", "stderr", "-s", "reload")
                .expect(0);
    }

    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(AgentProcess.PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
                throw new AssertionError("SIGTERM does not end it:\n" + log);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
