package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code doctor} beside a server that runs: what is well is said to be, and what is wrong is named with what to do. */
class DoctorTest {
    private static Service echo;
    private static AgentProcess server;

    @TempDir
    private static Path directory;

    @BeforeAll
    static void start() throws IOException {
        echo = Service.echo();
        server = Tunnel.to(echo)
                .allow("127.0.0.1:1")
                .server("admin.listen = \"" + directory.resolve("server.sock") + "\"")
                .startServer(0);
    }

    @AfterAll
    static void stop() throws IOException {
        server.close();
        echo.close();
    }

    /** For a client that does not run, and goes to this server. */
    private static String config() {
        return Tunnel.to(echo)
                .client("admin.listen = \"" + directory.resolve("client.sock") + "\"")
                .clientConfig(server.port("listen"));
    }

    private static Programs.Result examine(String config, String... prefix) throws IOException {
        return examine("tunnel-client", Files.writeString(directory.resolve("client.conf"), config), prefix);
    }

    private static Programs.Result examine(String agent, Path config, String... prefix) {
        ProcessBuilder doctor = Launcher.command(agent, "-c", config.toString(), "doctor");
        doctor.command().addAll(0, List.of(prefix));
        return Programs.run(doctor);
    }

    @Test
    void whereAllIsWellEveryStepSaysSo() throws IOException {
        String output = examine(config()).expect(0).output();

        assertThat(output)
                .contains(
                        "note  agent          none answers on ",
                        "ok    key            ours is " + Keys.CLIENT.fingerprint(),
                        "ok    name           127.0.0.1 is 127.0.0.1",
                        "ok    TLS            the server's key is " + Keys.SERVER.fingerprint() + ", as expected",
                        "ok    session        up, culvert (0x82)",
                        "no faults")
                .containsPattern("ok    port           web: 127\\.0\\.0\\.1:\\d+ is free")
                .containsPattern("ok    connection     127\\.0\\.0\\.1:\\d+ accepts, within [\\d.]+ ms")
                .containsPattern("ok    clock          \\d{1,4} ms (ahead of|behind) the server's")
                .containsPattern("ok    speed          [1-9]\\d* Mbit/s to the server, [1-9]\\d* Mbit/s from it")
                .containsPattern("ok    round trip     \\d+\\.\\d ms")
                .contains("ok    forward        web: " + echo.address() + " answers, within ")
                .doesNotContain("BAD");
    }

    @Test
    @Tag("long")
    void whatThisMachineDialsForTheServerIsTriedAsWell() throws IOException {
        String reverse = "reverse { up.target = \"%s\", down.target = \"127.0.0.1:1\" }".formatted(echo.address());
        assertThat(examine(config() + reverse).expect(1).output())
                .contains("ok    reverse        up: " + echo.address() + " answers, within ")
                .contains("BAD   reverse        down: connection refused: ")
                .contains("This machine dials it: start the service, or correct reverse.down.target.");
    }

    @Test
    @Tag("long")
    void anAgentThatRunsIsAskedHowItIs() throws IOException {
        Path socket = directory.resolve("running.sock");
        try (AgentProcess client = Tunnel.to(echo)
                .client("admin.listen = \"" + socket + "\"")
                .each(agent -> agent.descriptors(400))
                .startClient(server.port("listen"))) {
            client.awaitLog("session up");

            String output = examine(config().replace("client.sock", "running.sock"))
                    .expect(1)
                    .output();

            assertThat(output)
                    .contains("ok    agent          pid " + client.pid() + ", ready")
                    .containsPattern("ok    live session   [1-9]\\d* Mbit/s to the server, [1-9]\\d* Mbit/s from it")
                    .containsPattern("BAD   descriptors    the agent may have 400 open, and has \\d+: too few\n"
                            + " +Raise LimitNOFILE in its unit, .* lets in up to 10000 connections")
                    .doesNotContain("  port  "); // the agent has them
        }
    }

    @Test
    @Tag("long")
    void anAgentWithoutASessionSaysWhy() throws IOException {
        Path socket = directory.resolve("lonely.sock");
        try (AgentProcess client =
                Tunnel.to(echo).client("admin.listen = \"" + socket + "\"").startClient(1)) {
            client.awaitLog("dialling .* in ");

            assertThat(examine(config().replace("client.sock", "lonely.sock"))
                            .expect(1)
                            .output())
                    .containsPattern("BAD   agent          pid " + client.pid() + ", not ready\n +no session");
        }
    }

    @Test
    @Tag("long")
    void aWrongPortIsNamed() throws IOException {
        String right = "127.0.0.1:" + server.port("listen");

        assertThat(examine(config().replace(right, "127.0.0.1:1")).expect(1).output())
                .containsPattern(
                        "BAD   connection     127\\.0\\.0\\.1:1: .*refused.*\n"
                                + " +Nobody listens on that port: start tunnel-server there, or correct the port in upstream.servers")
                .doesNotContain("  TLS  ");
        try (Service other = Service.greeting("220 mail.example.com ready\r\n".getBytes(StandardCharsets.US_ASCII))) {
            assertThat(examine(config().replace(right, other.address()))
                            .expect(1)
                            .output())
                    .contains("BAD   session        the peer does not speak TLS; correct upstream.servers");
        }
    }

    @Test
    @Tag("long")
    void aWrongKeyIsNamedOnEitherSide() throws IOException {
        Keys other = Keys.make("tunnel-client", directory.resolve("other.key"));

        assertThat(examine(config().replace(Keys.SERVER.fingerprint(), other.fingerprint()))
                        .expect(1)
                        .output())
                .contains("BAD   session        the server's key is " + Keys.SERVER.fingerprint() + ", expected "
                        + other.fingerprint())
                .contains("set it as upstream.tls.server-key");
        assertThat(examine(config().replace(
                                        Keys.CLIENT.file().toString(),
                                        other.file().toString()))
                        .expect(1)
                        .output())
                .contains("ok    TLS            the server's key is " + Keys.SERVER.fingerprint())
                .contains(
                        "BAD   session        ",
                        "the peer does not accept our key " + other.fingerprint() + "; list it there");
    }

    @Test
    @Tag("long")
    void aCertificateThatHasExpiredIsNamed() throws IOException {
        OpenSsl.require("what doctor says of a certificate that has expired");
        CertificateAuthority authority = CertificateAuthority.make(directory.resolve("ca"));
        CertificateAuthority.Issued expired = authority.issue("laptop", "20200101000000Z", "20210101000000Z");
        String tls = "tls { key-file = \"%s\", cert-file = \"%s\", ca-file = \"%s\" }"
                .formatted(expired.key(), expired.certificates(), authority.certificate());
        String words = ", %s the certificate of CN=laptop has expired on 2021-01-01T00:00:00Z";

        assertThat(examine(config().replaceFirst("tls \\{[^}]*}", Matcher.quoteReplacement(tls)))
                        .expect(1)
                        .output())
                .containsPattern("BAD   key            ours is SHA256:[^ ,]+" + words.formatted("and"));
        ProcessBuilder check = Launcher.command(
                "tunnel-client", "-c", directory.resolve("client.conf").toString(), "check");
        assertThat(Programs.run(check).expect(0).output()).contains(words.formatted("but"));
    }

    @Test
    @Tag("long")
    void aNameThatDoesNotResolveIsNamed() throws IOException {
        String output = examine(config().replace("servers = [\"127.0.0.1:", "servers = [\"tunnel.invalid:"))
                .expect(1)
                .output();

        assertThat(output)
                .containsPattern("BAD   name           tunnel\\.invalid:\\d+: .*\n"
                        + " +Correct upstream\\.servers, or look at the name servers in /etc/resolv\\.conf")
                .doesNotContain("connection");
    }

    @Test
    @Tag("long")
    void aClockThatIsOffByADayIsNamed() throws IOException {
        Programs.require("/usr/bin/faketime", "what doctor says of a wrong clock");

        assertThat(examine(config(), "env", "FAKETIME_DONT_FAKE_MONOTONIC=1", "/usr/bin/faketime", "-f", "+1d")
                        .expect(1)
                        .output())
                .containsPattern(
                        "BAD   clock          86[34]\\d\\d s ahead of the server's\n +One of the two is wrong: `timedatectl`");
    }

    @Test
    @Tag("long")
    void severalFaultsAreNamedAtOnce() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String config = Tunnel.to(echo)
                    .forward("down", "127.0.0.1:1")
                    .forward("secret", "127.0.0.1:2")
                    .clientConfig(server.port("listen"))
                    .replaceFirst("listen = \"127.0.0.1:0\"", "listen = \"127.0.0.1:" + taken.getLocalPort() + '"');

            assertThat(examine(config, "sh", "-c", "ulimit -n 300; exec \"$0\" \"$@\"")
                            .expect(1)
                            .output())
                    .contains("BAD   descriptors    this shell may have 300 open")
                    .contains("note  port           web: 127.0.0.1:" + taken.getLocalPort() + " is taken")
                    .contains("ok    forward        web: ")
                    .containsPattern("BAD   forward        down: connection refused: 127\\.0\\.0\\.1:1: .*\n"
                            + " +Nobody listens there: start the service, or correct forwards\\.down\\.target")
                    .containsPattern(
                            "BAD   forward        secret: forbidden: no allow rule of tests covers 127\\.0\\.0\\.1:2\n"
                                    + " +The server's administrator adds \"127\\.0\\.0\\.1:2\" to `allow`")
                    .contains("3 faults");
        }
    }

    @Test
    @Tag("long")
    void theTlsOfATargetIsTried() throws Exception {
        OpenSsl.require("what doctor says of a target with TLS");
        CertificateAuthority authority = CertificateAuthority.make(directory.resolve("targets"));
        CertificateAuthority.Issued issued = authority.issue("localhost");
        JdkTls tls = JdkTls.showing(issued.key(), issued.certificates());
        try (Service target =
                Service.of(plain -> tls.accept(plain).getInputStream().transferTo(OutputStream.nullOutputStream()))) {
            String to = "listen = \"127.0.0.1:0\", target = \"%s\", target-tls ";
            String own = "{ server-name = localhost, ca-file = \"" + authority.certificate() + "\" }";
            try (AgentProcess open = Tunnel.to(echo).allow(target.address()).startServer(0)) {
                String output = examine(Tunnel.to(echo)
                                .client("forwards { good { " + to.formatted(target.address()) + own + " }, bad { "
                                        + to.formatted(target.address()) + "{ server-name = localhost } }, plain { "
                                        + to.formatted(echo.address()) + own + " } }")
                                .clientConfig(open.port("listen")))
                        .expect(1)
                        .output();

                assertThat(output)
                        .contains("ok    forward        good: " + target.address() + " answers, within ")
                        .containsPattern(
                                "BAD   forward        bad: connection reset: .*'s certificate is not trusted: ")
                        .containsPattern("BAD   forward        plain: connection reset: .*TLS")
                        .contains("2 faults");
            }
        }
    }

    @Test
    @Tag("long")
    void aConfigurationThatIsWrongIsNamed() throws IOException {
        assertThat(examine("upstreem {}").expect(1).output())
                .contains("BAD   configuration  ")
                .contains("upstreem");
    }

    @Test
    @Tag("long")
    void aServerIsExaminedToo() throws IOException {
        Path file = Files.writeString(
                directory.resolve("server.conf"),
                Tunnel.to(echo)
                        .server("admin.listen = \"" + directory.resolve("server.sock") + "\"")
                        .serverConfig(0));

        assertThat(examine("tunnel-server", file).expect(0).output())
                .contains("ok    agent          pid " + server.pid() + ", ready")
                .contains("ok    key            ours is " + Keys.SERVER.fingerprint());
    }
}
