package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Programs that people use, through a tunnel. */
@Tag("long")
class ProgramsTest {
    private static final String CURL = "/usr/bin/curl";
    /** A name that only the server knows. */
    private static final String INTRANET = "intranet.test";

    @TempDir
    static Path directory;

    private static int postgres;
    private static int redis;
    private static int git;
    private static int ssh;
    private static int web;
    private static boolean isRoot;
    private static Tunnel tunnel;

    @BeforeAll
    static void open() throws Exception {
        Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
        postgres = Service.freePort();
        redis = Service.freePort();
        git = Service.freePort();
        ssh = Service.freePort();
        web = Service.freePort();
        isRoot = Programs.run("id", "-u").output().equals("0");
        Tunnel.Builder builder = Tunnel.builder()
                .client("admin.listen = \"%s\"".formatted(directory.resolve("client.sock")))
                .client("forwards.socks { listen = \"127.0.0.1:0\", protocol = socks5 }")
                .client("forwards.proxy { listen = \"127.0.0.1:0\", protocol = http-connect }")
                .allow("127.0.0.1/32:%d".formatted(web));
        for (var forward : List.of("postgres=" + postgres, "redis=" + redis, "git=" + git, "ssh=" + ssh)) {
            String[] parts = forward.split("=", 2);
            builder.forward(parts[0], "127.0.0.1:" + parts[1]).allow("127.0.0.1:" + parts[1]);
        }
        tunnel = builder.onServer(agent -> {
                    if (isRoot) {
                        agent.startedBy("unshare", "--mount", "sh", "-c", knowing(INTRANET));
                    }
                })
                .open();
    }

    /** Starts a program, in a mount namespace of its own, for which a name is loopback. */
    private static String knowing(String name) {
        try {
            Path hosts = Files.writeString(directory.resolve("hosts"), "127.0.0.1 localhost " + name + "\n");
            return "mount --bind " + hosts + " /etc/hosts && exec \"$0\" \"$@\"";
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @AfterAll
    static void close() {
        tunnel.close();
    }

    private static String port(String forward) {
        return String.valueOf(tunnel.client().port("forwards." + forward));
    }

    @Test
    void psqlAndPgbench() throws Exception {
        Path programs = newest(Path.of("/usr/lib/postgresql"), "bin/postgres");
        Programs.require(programs.resolve("pgbench").toString(), "PostgreSQL");
        Path data = directory.resolve("data");
        List<String> user =
                isRoot ? List.of("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups") : List.of();
        if (isRoot) {
            Programs.run("install", "-d", "-o", "postgres", data.toString()).expect(0);
        }
        Programs.run(with(
                        user,
                        programs.resolve("initdb").toString(),
                        "-D",
                        data.toString(),
                        "-U",
                        "culvert",
                        "--no-sync"))
                .expect(0);
        try (Daemon daemon = Daemon.start(
                postgres,
                with(
                        user,
                        programs.resolve("postgres").toString(),
                        "-D",
                        data.toString(),
                        "-p",
                        String.valueOf(postgres),
                        "-c",
                        "unix_socket_directories=",
                        "-c",
                        "fsync=off"))) {
            assertThat(daemon).isNotNull();
            String[] where = {"-h", "127.0.0.1", "-p", port("postgres"), "-U", "culvert", "postgres"};
            assertThat(Programs.run(with(
                                    List.of("psql", "-Atc", "select sum(i) from generate_series(1, 100000) i"), where))
                            .expect(0)
                            .output())
                    .isEqualTo("5000050000");
            Programs.run(with(List.of("pgbench", "-i", "-q"), where)).expect(0);
            String bench = Programs.run(with(List.of("pgbench", "-c", "8", "-t", "100"), where))
                    .expect(0)
                    .output();
            assertThat(bench).contains("number of transactions actually processed: 800/800");
            assertThat(bench).contains("number of failed transactions: 0");
        }
    }

    @Test
    void redisBenchmark() throws Exception {
        Programs.require("/usr/bin/redis-benchmark", "Redis");
        try (Daemon daemon = Daemon.start(
                redis, "/usr/bin/redis-server", "--port", String.valueOf(redis), "--bind", "127.0.0.1", "--save", "")) {
            assertThat(daemon).isNotNull();
            String output = Programs.run(
                            "/usr/bin/redis-benchmark",
                            "-p",
                            port("redis"),
                            "-n",
                            "5000",
                            "-c",
                            "50",
                            "-q",
                            "-t",
                            "set,get,lrange_100")
                    .expect(0)
                    .output();
            assertThat(output).contains("SET: ", "GET: ", "LRANGE_100").doesNotContainIgnoringCase("error");
            assertThat(Programs.run("/usr/bin/redis-cli", "-p", port("redis"), "ping")
                            .expect(0)
                            .output())
                    .isEqualTo("PONG");
        }
    }

    @Test
    void sshWithProxyCommand() throws Exception {
        Programs.require("/usr/sbin/sshd", "ssh with ProxyCommand");
        Path hostKey = key("host");
        Path userKey = key("user");
        Files.copy(Path.of(userKey + ".pub"), directory.resolve("authorized_keys"));
        Path config = Files.writeString(
                directory.resolve("sshd_config"), """
                Port %d
                ListenAddress 127.0.0.1
                HostKey %s
                AuthorizedKeysFile %s
                StrictModes no
                UsePAM no
                PidFile none
                """.formatted(ssh, hostKey, directory.resolve("authorized_keys")));
        if (isRoot) {
            Files.createDirectories(Path.of("/run/sshd"));
        }
        try (Daemon daemon = Daemon.start(ssh, "/usr/sbin/sshd", "-D", "-e", "-f", config.toString())) {
            assertThat(daemon).isNotNull();
            String proxy = "%s -c %s connect [%%h]:%%p"
                    .formatted(
                            AgentProcess.packaged("bin/tunnel-client"),
                            tunnel.client().configFile());
            Programs.Result result = Programs.run(
                    "/usr/bin/ssh",
                    "-o",
                    "ProxyCommand=" + proxy,
                    "-o",
                    "StrictHostKeyChecking=no",
                    "-o",
                    "UserKnownHostsFile=/dev/null",
                    "-o",
                    "LogLevel=ERROR",
                    "-i",
                    userKey.toString(),
                    "-p",
                    String.valueOf(ssh),
                    System.getProperty("user.name") + "@127.0.0.1",
                    "head -c 1000000 /dev/zero | sha256sum; exit 7");
            assertThat(result.expect(7).output())
                    .isEqualTo("d29751f2649b32ff572b5e0a9f541ea660a50f94ff0beedfb0b692b924cc8025  -");
        }
    }

    private static Path key(String name) {
        Path file = directory.resolve(name);
        Programs.run("/usr/bin/ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file.toString())
                .expect(0);
        return file;
    }

    @Test
    void gitClone() throws Exception {
        Programs.require("/usr/bin/git", "git clone");
        Path repository = directory.resolve("repository.git");
        String work = directory.resolve("work").toString();
        Programs.run("git", "init", "-q", work).expect(0);
        byte[] content = new byte[2_000_000];
        new Random(1).nextBytes(content);
        Files.write(Path.of(work, "content"), content);
        Programs.run("git", "-C", work, "add", "content").expect(0);
        Programs.run("git", "-C", work, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "all")
                .expect(0);
        Programs.run("git", "clone", "-q", "--bare", work, repository.toString())
                .expect(0);
        try (Daemon daemon = Daemon.start(
                git,
                "git",
                "-c",
                "safe.directory=*",
                "daemon",
                "--listen=127.0.0.1",
                "--port=" + git,
                "--base-path=" + directory,
                "--export-all",
                "--reuseaddr")) {
            assertThat(daemon).isNotNull();
            Path clone = directory.resolve("clone");
            Programs.run("git", "clone", "-q", "git://127.0.0.1:" + port("git") + "/repository.git", clone.toString())
                    .expect(0);
            assertThat(clone.resolve("content")).hasBinaryContent(content);
        }
    }

    @Test
    void curlThroughSocksAndConnectWithNamesThatOnlyTheServerKnows() throws Exception {
        Programs.require(CURL, "curl through proxies");
        requireRoot("names that only the server knows");
        try (Nginx nginx = nginx()) {
            String url = "http://" + INTRANET + ":" + web + "/";
            for (String proxy : List.of("socks5h://127.0.0.1:" + port("socks"), "http://127.0.0.1:" + port("proxy"))) {
                Programs.Result result =
                        Programs.run(CURL, "-sS", "--max-time", "20", "--proxytunnel", "--proxy", proxy, url);
                assertThat(result.expect(0).output()).isEqualTo("<h1>the intranet</h1>");
            }
            assertThat(Programs.run(CURL, "-sS", "--max-time", "20", url).code())
                    .isEqualTo(6); // it has no address here
            assertThat(nginx.accessLog()).contains("GET /");
        }
        tunnel.client().awaitLog("forward=socks .*target=" + INTRANET + ":" + web + " .*end: closed");
        tunnel.client().awaitLog("forward=proxy .*target=" + INTRANET + ":" + web + " .*end: closed");
    }

    @Test
    void aBrowserThroughSocks() throws Exception {
        Programs.require(Browser.PROGRAM, "a browser through SOCKS5");
        requireRoot("names that only the server knows");
        try (Nginx nginx = nginx();
                Browser browser = new Browser("--proxy-server=socks5://127.0.0.1:" + port("socks"))) {
            browser.open("http://" + INTRANET + ":" + web + "/");
            await().atMost(AgentProcess.PATIENCE)
                    .untilAsserted(() -> assertThat(browser.text("h1")).isEqualTo("the intranet"));
            assertThat(nginx.accessLog()).contains("GET /");
        }
    }

    private static void requireRoot(String what) {
        Programs.require(isRoot, "netns", "a mount namespace takes root", what);
    }

    private static Nginx nginx() throws IOException {
        Programs.require(Nginx.PROGRAM, "a web server behind proxies");
        Path files = Files.createDirectories(directory.resolve("nginx"));
        Files.deleteIfExists(files.resolve("nginx.pid"));
        return new Nginx(
                files,
                "server { listen 127.0.0.1:%d; default_type text/html; return 200 '<h1>the intranet</h1>'; }"
                        .formatted(web));
    }

    private static String[] with(List<String> first, String... more) {
        List<String> all = new ArrayList<>(first);
        all.addAll(List.of(more));
        return all.toArray(new String[0]);
    }

    /** The directory of {@code file} in the last of the versions in {@code all}; {@code all} if there is none. */
    private static Path newest(Path all, String file) throws IOException {
        if (!Files.isDirectory(all)) {
            return all;
        }
        try (Stream<Path> versions = Files.list(all)) {
            return versions.map(version -> version.resolve(file))
                    .filter(Files::isExecutable)
                    .max(Path::compareTo)
                    .map(Path::getParent)
                    .orElse(all);
        }
    }
}
