package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.BindException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code bin/quickstart}, the first thing that a newcomer runs. */
final class QuickstartTest {
    private static final String SCRIPT = AgentProcess.source("bin/quickstart").toString();

    /** The script while it runs. */
    private static final class Quickstart implements AutoCloseable {
        private final Process process;
        private final Log log;

        Quickstart(String... arguments) throws IOException {
            ProcessBuilder builder =
                    new ProcessBuilder(new ArrayList<>(Programs.HEARING_SIGNALS)).redirectErrorStream(true);
            builder.command().add(SCRIPT);
            builder.command().addAll(List.of(arguments));
            process = builder.start();
            log = new Log("quickstart", process.getInputStream());
        }

        String await(String regex) {
            return log.await(regex, 1, Duration.ofSeconds(60)).group(1);
        }

        /** Ends it, and returns the exit code; nothing may be left. */
        int end(String signal) throws InterruptedException {
            List<ProcessHandle> children = process.descendants().toList();
            assertThat(children).isNotEmpty();
            Programs.run("kill", "-" + signal, String.valueOf(process.pid())).expect(0);
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).as(log.toString()).isTrue();
            Awaitility.await()
                    .atMost(Duration.ofSeconds(10))
                    .until(() -> children.stream().noneMatch(ProcessHandle::isAlive));
            return process.exitValue();
        }

        @Override
        public void close() {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"TERM", "INT"})
    @Tag("long")
    void aPageIsFetchedThroughTheTunnelAndASignalEndsEverything(String signal) throws Exception {
        try (Quickstart quickstart = new Quickstart()) {
            assertThat(quickstart.await("Fetched through it: (.*)"))
                    .isEqualTo("Hello from the other end of the tunnel.");
            String port = quickstart.await("curl http://127\\.0\\.0\\.1:(\\d+)/");
            quickstart.await("(Ctrl-C) drains");

            assertThat(get(Integer.parseInt(port))).startsWith("HTTP/1.1 200").contains("Hello from the other end");
            assertThat(quickstart.end(signal)).isZero();
        }
    }

    /** A terminal sends it to all of them, the command that the script waits for at that moment as well. */
    @Test
    @Tag("long")
    void aCtrlCInTheMiddleOfTheStartLeavesNothing() throws Exception {
        Programs.require("/usr/bin/script", "QuickstartTest: a Ctrl-C at a terminal");
        try (Service echo = Service.echo()) {
            List<String> command = new ArrayList<>(Programs.HEARING_SIGNALS);
            command.addAll(List.of("/usr/bin/script", "-qec", SCRIPT + " --target " + echo.address(), "/dev/null"));
            Process terminal =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            try {
                Awaitility.await()
                        .atMost(Duration.ofSeconds(60))
                        .until(() -> terminal.descendants().anyMatch(QuickstartTest::isServer));
                List<ProcessHandle> all = terminal.descendants().toList();
                terminal.getOutputStream().write(3);
                terminal.getOutputStream().flush();
                Awaitility.await()
                        .atMost(Duration.ofSeconds(60))
                        .until(() -> !terminal.isAlive() && all.stream().noneMatch(ProcessHandle::isAlive));
            } finally {
                terminal.descendants().forEach(ProcessHandle::destroyForcibly);
                terminal.destroyForcibly();
            }
        }
    }

    private static boolean isServer(ProcessHandle process) {
        return process.info().commandLine().orElse("").contains("/server.conf");
    }

    @Test
    @Tag("long")
    void aTargetOfOnesOwnIsReached() throws Exception {
        try (Service echo = Service.echo();
                Quickstart quickstart = new Quickstart("--target", echo.address())) {
            int port = Integer.parseInt(quickstart.await("connect to 127\\.0\\.0\\.1:(\\d+) as you would"));
            quickstart.await("(Ctrl-C) drains");

            try (Socket socket = Tunnel.connectTo(port)) {
                socket.getOutputStream().write('x');
                assertThat(socket.getInputStream().read()).isEqualTo('x');
            }
            assertThat(quickstart.end("TERM")).isZero();
        }
    }

    @Test
    @Tag("long")
    void aTakenPortIsReplacedWithANote() throws Exception {
        try (ServerSocket taken = take(8080);
                Service echo = Service.echo();
                Quickstart quickstart = new Quickstart("--target", echo.address())) {
            String port = quickstart.await("Port 8080 is taken, using (\\d+) instead");

            assertThat(port).isNotEqualTo(String.valueOf(taken.getLocalPort()));
            assertThat(quickstart.await("you -> 127\\.0\\.0\\.1:(\\d+) -> tunnel-client"))
                    .isEqualTo(port);
            quickstart.await("(Ctrl-C) drains");
            assertThat(quickstart.end("TERM")).isZero();
        }
    }

    /** Somebody has the port: we, or, when that fails, whoever has it already. */
    private static ServerSocket take(int port) throws IOException {
        try {
            return new ServerSocket(port, 50, InetAddress.getLoopbackAddress());
        } catch (BindException e) {
            return new ServerSocket(0);
        }
    }

    @Test
    void wrongArgumentsAreAUsageError() {
        assertThat(Programs.run(SCRIPT, "--port", "1").expect(2).output()).contains("unknown argument '--port'");
        assertThat(Programs.run(SCRIPT, "--target").expect(2).output()).contains("--target takes HOST:PORT");
        assertThat(Programs.run(SCRIPT, "--target", "localhost").expect(2).output())
                .contains("--target takes HOST:PORT");
    }

    private static String get(int port) throws IOException {
        try (Socket socket = Tunnel.connectTo(port)) {
            socket.getOutputStream().write(Bytes.ascii("GET / HTTP/1.0\r\n\r\n"));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
