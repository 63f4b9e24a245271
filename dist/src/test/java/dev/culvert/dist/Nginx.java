package dev.culvert.dist;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** A running nginx, with a master, so that it can reload. */
final class Nginx implements AutoCloseable {
    static final String PROGRAM = "/usr/sbin/nginx";

    private final Path directory;
    private final Process process;
    private final Log log;

    /**
     * Starts it, and waits until it serves.
     *
     * @param directory for its files
     * @param servers what stands inside of {@code http { }}; the log format {@code proxied} has
     *     {@code $proxy_protocol_addr} and the request
     */
    Nginx(Path directory, String servers) throws IOException {
        this.directory = directory;
        Path config = Files.writeString(directory.resolve("nginx.conf"), """
                %3$s
                daemon off;
                pid %1$s/nginx.pid;
                error_log %1$s/error.log info;
                worker_processes 1;
                worker_shutdown_timeout 1s;
                events { worker_connections 512; }
                http {
                  log_format proxied '$proxy_protocol_addr $request';
                  access_log %1$s/access.log proxied;
                  client_body_temp_path %1$s/body;
                  proxy_temp_path %1$s/proxy;
                  fastcgi_temp_path %1$s/fastcgi;
                  uwsgi_temp_path %1$s/uwsgi;
                  scgi_temp_path %1$s/scgi;
                  %2$s
                }
                """.formatted(
                        directory, servers, isRoots(directory) ? "user root;" : ""));
        process = new ProcessBuilder(PROGRAM, "-p", directory.toString(), "-c", config.toString())
                .redirectErrorStream(true)
                .start();
        log = new Log("nginx", process.getInputStream());
        await().atMost(AgentProcess.PATIENCE)
                .until(() -> !process.isAlive() || Files.exists(directory.resolve("nginx.pid")));
        if (!process.isAlive()) {
            throw new IOException("nginx has ended: " + log + Files.readString(directory.resolve("error.log")));
        }
    }

    /** Its workers are who may read the files of the test. */
    private static boolean isRoots(Path directory) throws IOException {
        return Files.getOwner(directory).getName().equals("root");
    }

    /**
     * Reads its configuration again: another worker takes new connections, and what the old one still carries is cut
     * off after a second.
     */
    void reload() {
        Programs.run(
                        PROGRAM,
                        "-p",
                        directory.toString(),
                        "-c",
                        directory.resolve("nginx.conf").toString(),
                        "-s",
                        "reload")
                .expect(0);
    }

    /** A line for each request so far. */
    String accessLog() throws IOException {
        return Files.readString(directory.resolve("access.log"));
    }

    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(5, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
        }
    }
}
