package dev.culvert.dist;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import dev.culvert.common.admin.AdminClient;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@InAMinute
class ConnectTest {
    @TempDir
    static Path directory;

    private static final String CURL = "/usr/bin/curl";
    private static final Service ECHO = Service.echo();
    private static final Service DIGEST = Service.digest();
    private static final Service RESET = Service.reset();
    private static final Service HALF = Service.greeting("half of it".getBytes(UTF_8));
    private static final String CUT = "the connection was cut off, and not all of the answer has come; the agent's log";
    private static Tunnel tunnel;

    @BeforeAll
    static void open() {
        tunnel = Tunnel.to(ECHO)
                .allow(DIGEST.address())
                .allow(RESET.address())
                .allow(HALF.address())
                .allow("127.0.0.1:1")
                .client("admin.listen = [\"%s\", \"127.0.0.1:0\"]".formatted(directory.resolve("client.sock")))
                .server("admin.listen = \"%s\"".formatted(directory.resolve("server.sock")))
                .open();
    }

    @AfterAll
    static void close() throws IOException {
        tunnel.close();
        ECHO.close();
        DIGEST.close();
        RESET.close();
        HALF.close();
    }

    private static Process connect(AgentProcess agent, String program, String target) throws IOException {
        return Launcher.command(program, "-c", agent.configFile().toString(), "connect", target)
                .start();
    }

    private static Process connect(String target) throws IOException {
        return connect(tunnel.client(), "tunnel-client", target);
    }

    @Test
    void carriesStandardInputToItsEndAndTheAnswerBack() throws Exception {
        Process process = connect(DIGEST.address());
        try (var in = process.getOutputStream()) {
            Bytes.source(7, 20_000_000).transferTo(in);
        }
        byte[] digest = process.getInputStream().readAllBytes();

        assertThat(digest).isEqualTo(Bytes.digest(Bytes.source(7, 20_000_000)));
        assertThat(process.waitFor()).isZero();
        tunnel.client()
                .awaitLog("forward=connect client=unix:pid=\\d+,uid=\\d+ target=" + DIGEST.address()
                        + " in=20000000 out=32 .*end: closed");
        tunnel.server().awaitLog("forward=connect client=tests@.* target=" + DIGEST.address() + " .*end: closed");
    }

    @Test
    void answersAsItGoes() throws Exception {
        Process process = connect(ECHO.address());
        for (int i = 0; i < 3; i++) {
            process.getOutputStream().write("ping".getBytes(UTF_8));
            process.getOutputStream().flush();
            assertThat(process.getInputStream().readNBytes(4)).asString(UTF_8).isEqualTo("ping");
        }
        process.getOutputStream().close();
        assertThat(process.getInputStream().read()).isEqualTo(-1);
        assertThat(process.waitFor()).isZero();
    }

    /** The JVM would take the free descriptor for one of its own files, which the target would get. */
    @Test
    void anInputThatIsClosedIsEmpty() throws Exception {
        ProcessBuilder builder = Launcher.byShell(
                "exec \"$0\" \"$@\" <&-",
                "tunnel-client",
                "-c",
                tunnel.client().configFile().toString(),
                "connect",
                ECHO.address());
        assertThat(Programs.run(builder).expect(0).output()).isEmpty();
    }

    @Test
    void saysWhyThereIsNoConnection() throws Exception {
        assertThat(failure(connect("127.0.0.1:1"))).contains("connection refused");
        assertThat(failure(connect("127.0.0.1:2"))).isEqualTo("forbidden: no allow rule of tests covers 127.0.0.1:2\n");
        Process nowhere = connect("nowhere");
        assertThat(nowhere.waitFor()).isEqualTo(2);
        assertThat(nowhere.errorReader(UTF_8).readLine()).isEqualTo("expected HOST:PORT, found 'nowhere'");
    }

    @Test
    void saysThatTheTargetHasResetIt() throws Exception {
        Process process = connect(RESET.address());
        process.getOutputStream().write('x');
        process.getOutputStream().flush();

        assertThat(failure(process)).startsWith(CUT);
    }

    @Test
    void anAnswerThatIsCutOffIsNotTakenForAWholeOne() throws Exception {
        Process process = connectToHalf(tunnel.client());
        try (AdminClient agent =
                new AdminClient(directory.resolve("client.sock").toString())) {
            String id = ConfigFactory.parseString(agent.get("/status")).getConfigList("connections").stream()
                    .filter(one -> one.getString("target").equals(HALF.address()))
                    .findFirst()
                    .orElseThrow()
                    .getString("id");
            agent.post("/kill?id=" + id);
        }

        assertThat(failure(process)).startsWith(CUT);
    }

    @Test
    @Tag("long")
    void norIsOneWhoseAgentHasBeenKilled() throws Exception {
        try (AgentProcess agent = AgentProcess.client()
                .config(Files.readString(tunnel.client().configFile())
                        + "\nadmin.listen = \"%s\"".formatted(directory.resolve("another.sock")))
                .start()) {
            agent.awaitLog("session up");
            Process process = connectToHalf(agent);
            agent.kill();

            assertThat(failure(process)).startsWith(CUT);
        }
    }

    private static Process connectToHalf(AgentProcess agent) throws IOException {
        Process process = connect(agent, "tunnel-client", HALF.address());
        assertThat(process.getInputStream().readNBytes(10)).asString(UTF_8).isEqualTo("half of it");
        return process;
    }

    @Test
    void aServerHasNoConnections() throws Exception {
        Programs.require(CURL, "ConnectTest: that a server has no connections");
        Programs.Result asked = Programs.run(
                CURL,
                "-sS",
                "--unix-socket",
                directory.resolve("server.sock").toString(),
                "-X",
                "CONNECT",
                "--request-target",
                "127.0.0.1:1",
                "http://localhost");
        assertThat(asked.output()).contains("only tunnel-client has sessions to connect by");
    }

    private static String failure(Process process) throws Exception {
        try (InputStream err = process.getErrorStream()) {
            String said = new String(err.readAllBytes(), UTF_8);
            assertThat(process.waitFor()).isEqualTo(1);
            assertThat(process.getInputStream().read()).isEqualTo(-1);
            return said;
        }
    }
}
