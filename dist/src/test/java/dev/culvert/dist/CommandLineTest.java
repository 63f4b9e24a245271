package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What people type, what they get to read, and the exit code. */
final class CommandLineTest {
    @TempDir
    private Path directory = Path.of("");

    /** Runs a launcher; whatever it says, it is for people. */
    private static Programs.Result run(String program, String... arguments) {
        ProcessBuilder builder = Launcher.command(program, arguments);
        builder.environment().put("STATE_DIRECTORY", Keys.DIRECTORY.toString());
        Programs.Result result = Programs.run(builder);
        assertThat(result.output()).doesNotContainPattern("(?m)^\\s+at |Exception");
        return result;
    }

    private String file(String name, String config) throws IOException {
        return Files.writeString(directory.resolve(name), config).toString();
    }

    @ParameterizedTest
    @ValueSource(strings = {"tunnel-client", "tunnel-server"})
    void theVersionIsThatOfThePackage(String program) {
        assertThat(run(program, "--version").expect(0).output()).matches(program + " \\d+\\.\\d+\\.\\d+.*");
    }

    @ParameterizedTest
    @ValueSource(strings = {"tunnel-client", "tunnel-server"})
    void helpNamesCommandsAndExitCodes(String program) {
        assertThat(run(program, "--help").expect(0).output())
                .contains("Usage: " + program, "check", "--config", "/etc/culvert/", "Exit codes:", "CULVERT_OPTS");
    }

    @ParameterizedTest
    @ValueSource(strings = {"check", "doctor", "top", "connect"})
    @Tag("long")
    void helpAndVersionStandBehindACommandToo(String command) {
        assertThat(run("tunnel-client", command, "--help").expect(0).output())
                .startsWith("Usage: tunnel-client " + command);
        assertThat(run("tunnel-client", command, "-V").expect(0).output()).startsWith("tunnel-client ");
    }

    @ParameterizedTest
    @ValueSource(strings = {"tunnel-client", "tunnel-server"})
    void anUnknownOptionIsAUsageError(String program) {
        assertThat(run(program, "--confg", "x").expect(2).output()).contains("--confg");
    }

    @ParameterizedTest
    @ValueSource(strings = {"tunnel-client", "tunnel-server"})
    void aMissingFileIsNamed(String program) {
        String missing = directory.resolve("none.conf").toString();

        assertThat(run(program, "-c", missing).expect(1).output()).isEqualTo(missing + ": no such file");
    }

    /**
     * Who starts it again and again would else have a copy of the TLS library from every other start, some megabytes.
     */
    @Test
    @Tag("long")
    void aStartThatFailsLeavesNothingBehind() throws IOException {
        ProcessBuilder start =
                Launcher.command("tunnel-server", "-c", file("bad.conf", "listen = \"127.0.0.1:99999\""));
        Path temporary = Files.createDirectory(directory.resolve("tmp"));
        start.environment().merge("CULVERT_OPTS", "-Djava.io.tmpdir=" + temporary, (flags, more) -> flags + " " + more);

        for (int i = 0; i < 20; i++) {
            assertThat(Programs.run(start).expect(1).output()).contains("99999");
        }
        assertThat(temporary).isEmptyDirectory();
    }

    @ParameterizedTest
    @ValueSource(strings = {"tunnel-client", "tunnel-server"})
    void keygenPrintsTheKeyThatIsThere(String program) throws IOException {
        Keys keys = program.equals("tunnel-client") ? Keys.CLIENT : Keys.SERVER;
        String before = Files.readString(keys.file());

        assertThat(run(program, "keygen").expect(0).output()).isEqualTo(keys.fingerprint());
        assertThat(Files.readString(keys.file())).isEqualTo(before);
    }

    /** As on a full disk. */
    @Test
    void aKeyThatCannotBeWrittenIsNoneTheNextTime() throws IOException {
        Path state = Files.createDirectory(directory.resolve("state"));
        assertThat(keygen("ulimit -f 0; exec \"$0\" \"$@\"", state).expect(1).output())
                .isEqualTo("cannot write " + state.resolve("client.key") + ": File too large");
        assertThat(state).isEmptyDirectory();
        assertThat(keygen("exec \"$0\" \"$@\"", state).expect(0).output()).contains("SHA256:");
    }

    private static Programs.Result keygen(String script, Path state) {
        ProcessBuilder builder = Launcher.byShell(script, "tunnel-client", "keygen");
        builder.environment().put("STATE_DIRECTORY", state.toString());
        return Programs.run(builder);
    }

    /** It is a child of the command itself here, which does not look after it when it has ended. */
    @Test
    @Tag("long")
    void aDrainIsWaitedForUntilTheAgentHasEnded() throws IOException {
        Path admin = directory.resolve("server.sock");
        String config = file("server.conf", """
                listen = "127.0.0.1:0", tls = off, anonymous { allow = ["127.0.0.1:1"] }
                admin.listen = "%s"
                """.formatted(admin));
        String script = "\"$0\" -c '%s' & until test -S '%s'; do sleep 0.1; done; exec \"$0\" \"$@\"";
        assertThat(Programs.run(Launcher.byShell(
                                script.formatted(config, admin), "tunnel-server", "-c", config, "drain", "--wait"))
                        .expect(0)
                        .output())
                .contains("drained")
                .endsWith("ended");
    }

    /** As in somebody else's. Root, who may list every directory, does without that right. */
    @Test
    void aPathLeadsFromADirectoryThatMayNotBeListed() throws IOException {
        Path work = Files.createDirectory(directory.resolve("work"));
        file("work/client.conf", "nonsense = 1");
        boolean isRoot = Integer.valueOf(0).equals(Files.getAttribute(work, "unix:uid"));
        Files.setPosixFilePermissions(work, PosixFilePermissions.fromString("-wx------"));
        String as = isRoot ? "setpriv --bounding-set=-dac_override,-dac_read_search " : "";
        String output = Programs.run(Launcher.byShell(
                        "cd '" + work + "' && ! " + as + "ls 2>/dev/null && exec " + as + "\"$0\" \"$@\"",
                        "tunnel-client",
                        "check",
                        "-c",
                        "client.conf"))
                .output();
        Files.setPosixFilePermissions(work, PosixFilePermissions.fromString("rwx------"));
        assertThat(output).contains("client.conf:1: nonsense: unknown key");
    }

    @Test
    void whatCannotBeWrittenIsNoSuccess() {
        assertThat(runOnFullDisk("--version").expect(1).output()).startsWith("the output could not be written");
    }

    @Test
    void aReaderThatHasSeenEnoughIsToldNothing() {
        assertThat(Programs.run(Launcher.byShell("\"$0\" \"$@\" | :", "tunnel-client", "--version"))
                        .output())
                .isEmpty();
    }

    private static Programs.Result runOnFullDisk(String... arguments) {
        return Programs.run(Launcher.byShell("exec \"$0\" \"$@\" >/dev/full", "tunnel-client", arguments));
    }

    @Test
    void enrollShowsTheKeysOfBothSidesAndTheLinesToPaste() throws IOException {
        try (Service echo = Service.echo();
                AgentProcess server = Tunnel.to(echo).startServer(0)) {
            String address = "127.0.0.1:" + server.port("listen");
            assertThat(run("tunnel-client", "enroll", address).expect(0).output())
                    .contains(
                            address + " shows the key " + Keys.SERVER.fingerprint() + ".",
                            "servers = [\"" + address + "\"], tls { server-key = \"" + Keys.SERVER.fingerprint()
                                    + "\" }",
                            "clients { NAME { key = \"" + Keys.CLIENT.fingerprint() + "\"");
            assertThat(run("tunnel-client", "enroll", echo.address()).expect(1).output())
                    .startsWith("cannot see the key of " + echo.address() + ": ");
        }
        assertThat(run("tunnel-client", "enroll", "127.0.0.1:1").expect(1).output())
                .startsWith("cannot connect: 127.0.0.1:1: connection refused");
        assertThat(run("tunnel-client", "enroll", "nowhere").expect(2).output()).contains("nowhere");
    }

    @Test
    @Tag("long")
    void topShowsTheFastestConnectionFirst() throws IOException {
        // Not as fast as it goes, which would take the processor from all that is started here.
        String config =
                "admin.listen = \"%s\", forwards.films.rate.down = 4m".formatted(directory.resolve("client.sock"));
        try (Service echo = Service.echo();
                Service source = Service.flood();
                Tunnel tunnel =
                        Tunnel.to(echo).forward("films", source).client(config).open();
                Socket idle = tunnel.connect();
                Socket fast = tunnel.connect("films")) {
            idle.getOutputStream().write('x');
            Service.readFully(idle.getInputStream(), 1);
            Thread reader = new Thread(() -> {
                try {
                    fast.getInputStream().skip(Long.MAX_VALUE);
                } catch (IOException closed) {
                    // as it ends
                }
            });
            reader.start();

            String output = run(
                            "tunnel-client", "-c", tunnel.client().configFile().toString(), "top", "--count", "1")
                    .expect(0)
                    .output();

            assertThat(output)
                    .contains("tunnel-client ", "SESSION ", "FORWARD ")
                    .containsSubsequence(
                            "CONNECTION ",
                            " films ",
                            "127.0.0.1:" + fast.getLocalPort(),
                            " web ",
                            "127.0.0.1:" + idle.getLocalPort())
                    .containsPattern("127\\.0\\.0\\.1:" + fast.getLocalPort() + ".* [\\d.]+ [kMG]B/s")
                    .doesNotContain("\033");

            runOnFullDisk("-c", tunnel.client().configFile().toString(), "top").expect(1); // and not for ever
            run("tunnel-client", "-c", tunnel.client().configFile().toString(), "top", "--count", "0")
                    .expect(2);
        }
    }

    @Test
    @Tag("long")
    void moreMemoryThanThereIsIsRefusedByCheckAndAtTheStart() throws IOException {
        String file =
                file("server.conf", "listen = \"127.0.0.1:0\", anonymous { allow = [\"a:1\"] }, limits.buffer = 512g");

        for (String command : List.of("check", "run")) {
            assertThat(run("tunnel-server", "-c", file, command).expect(1).output())
                    .contains(
                            ":1: limits.buffer: found 512g, more than half of what this JVM may use outside its heap: lower it to ")
                    .contains("or set CULVERT_OPTS=-XX:MaxDirectMemorySize=1024g");
        }
    }

    @Test
    void aKeyThatIsMissingOrOpenToOthersIsNamedWithWhatToDo() throws IOException {
        Path key = directory.resolve("server.key");
        String file = file(
                "server.conf",
                "listen = \"127.0.0.1:0\", anonymous { allow = [\"a:1\"] }, tls { key-file = server.key }");

        assertThat(run("tunnel-server", "-c", file).expect(1).output())
                .isEqualTo(file + ":1: tls.key-file: " + key + ": no such file; `keygen` makes a key");
        run("tunnel-server", "-c", file, "keygen").expect(0);
        Files.setPosixFilePermissions(key, PosixFilePermissions.fromString("rw-r--r--"));
        assertThat(run("tunnel-server", "-c", file).expect(1).output())
                .contains(key + " can be read or written by others (rw-r--r--)", "chmod 600 " + key)
                .doesNotContain("BEGIN", "MIG");
    }

    @Test
    void aWrongFileIsRefusedWithAllItsErrorsAndTheirLines() throws IOException {
        String file = file("client.conf", """
                upstream {
                  servers = ["127.0.0.1:7443"]
                  sesions = 2
                }
                forwards {
                  web { listen = "127.0.0.1:80800", target = "127.0.0.1:80" }
                }
                """);

        assertThat(run("tunnel-client", "-c", file).expect(1).output().lines())
                .hasSize(3)
                .anySatisfy(line -> assertThat(line).startsWith(file + ":1: upstream.tls.server-key: missing"))
                .anySatisfy(line -> assertThat(line)
                        .isEqualTo(file + ":3: upstream.sesions: unknown key; did you mean upstream.sessions?"))
                .anySatisfy(line -> assertThat(line).startsWith(file + ":6: forwards.web.listen: found"));
    }

    @Test
    void aFileThatIsNotHoconIsRefusedWithItsLine() throws IOException {
        String file = file("server.conf", "listen = \"127.0.0.1:7443\"\nanonymous {\n");

        assertThat(run("tunnel-server", "-c", file, "check").expect(1).output()).startsWith(file + ":");
    }

    @Test
    void checkPrintsWhatAClientWouldRun() {
        assertThat(run(
                                "tunnel-client",
                                "-c",
                                AgentProcess.packaged("conf/client.conf").toString(),
                                "check")
                        .expect(0)
                        .output())
                .contains("web  127.0.0.1:8080 -> 127.0.0.1:8000 via 127.0.0.1:7443");
    }

    @Test
    void checkPrintsWhatAServerWouldRun() {
        assertThat(run(
                                "tunnel-server",
                                "check",
                                "-c",
                                AgentProcess.packaged("conf/server.conf").toString())
                        .expect(0)
                        .output())
                .contains(
                        "listen   127.0.0.1:7443, TLS 1.3, own key " + Keys.SERVER.fingerprint(),
                        "may dial 127.0.0.1:8000");
    }

    @Test
    void aTakenPortOfAClientIsNamedWithWhatToDo() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String file = file("client.conf", """
                    upstream { servers = ["127.0.0.1:1"], tls = off }
                    forwards { web { listen = "127.0.0.1:%d", target = "127.0.0.1:80" } }
                    """.formatted(taken.getLocalPort()));

            assertThat(run("tunnel-client", "-c", file).expect(5).output())
                    .contains("forwards.web: cannot listen on 127.0.0.1:" + taken.getLocalPort())
                    .contains("Address already in use", "`ss -ltnp` names it");
        }
    }

    @Test
    void aTakenPortOfAServerIsNamedWithWhatToDo() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String file = file("server.conf", """
                    listen = "127.0.0.1:%d"
                    tls = off
                    anonymous { allow = ["127.0.0.1:80"] }
                    """.formatted(taken.getLocalPort()));

            assertThat(run("tunnel-server", "-c", file).expect(5).output())
                    .contains("listen: cannot listen on 127.0.0.1:" + taken.getLocalPort())
                    .contains("Address already in use", "`ss -ltnp` names it");
        }
    }

    @Test
    void anAddressThatIsNotHereYetIsNamedWithWhatToDoAndIsWorthAnotherStart() throws IOException {
        String file = file("client.conf", """
                upstream { servers = ["127.0.0.1:1"], tls = off }
                forwards { web { listen = "203.0.113.1:18080", target = "127.0.0.1:80" } }
                """);

        assertThat(run("tunnel-client", "-c", file).expect(5).output())
                .startsWith("forwards.web: cannot listen on 203.0.113.1:18080: ")
                .contains("This machine has no such address", "After= in the unit", "0.0.0.0");
    }

    @Test
    @Tag("long")
    void anAgentThatDoesNotAnswerIsNoProgramThatHasThePorts() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String file =
                    file("client.conf", """
                    upstream { servers = ["127.0.0.1:1"], tls = off }
                    forwards { web { listen = "127.0.0.1:%d", target = "127.0.0.1:80" } }
                    admin.listen = "%s"
                    """.formatted(taken.getLocalPort(), directory.resolve("none/client.sock")));

            assertThat(run("tunnel-client", "-c", file, "doctor").expect(1).output())
                    .contains("note  port           web: 127.0.0.1:" + taken.getLocalPort() + " is taken")
                    .contains("By this agent, if it runs");
            assertThat(run("tunnel-client", "-c", file, "status").expect(69).output())
                    .startsWith("nobody answers on " + directory.resolve("none/client.sock")
                            + " (No such file or directory")
                    .contains("set admin.listen")
                    .doesNotContain("io.netty", "Exception");
            run("tunnel-client", "-c", file, "connect", "127.0.0.1:1").expect(69);
        }
    }

    @Test
    void aServerOffLoopbackWithoutInsecureIsRefused() throws IOException {
        String file = file("server.conf", """
                listen = "0.0.0.0:7443"
                tls = off
                anonymous { allow = ["127.0.0.1:80"] }
                """);

        assertThat(run("tunnel-server", "-c", file).expect(1).output())
                .contains("which is not a loopback address", "insecure = true");
    }

    /** With 1 it would be one with a wrong configuration, which systemd does not start again. */
    @Test
    void anAgentWhoseHeapIsFullEndsWith134AndWritesNoCore() throws IOException {
        String file = file("server.conf", """
                listen = "127.0.0.1:0"
                tls = off
                anonymous { allow = ["127.0.0.1:80"] }
                """);
        ProcessBuilder start = Launcher.command("tunnel-server", "-c", file);
        start.environment().put("CULVERT_OPTS", "-Xms3m -Xmx3m -Xmn1m -XX:ErrorFile=/dev/null");

        start.directory(Files.createDirectory(directory.resolve("crash")).toFile());

        assertThat(Programs.run(start).expect(134).output()).contains("java.lang.OutOfMemoryError");
        assertThat(directory.resolve("crash")).isEmptyDirectory();
    }

    @Test
    void theLauncherSaysWhatIsMissingWithoutJava() throws IOException {
        ProcessBuilder builder =
                new ProcessBuilder(AgentProcess.packaged("bin/tunnel-client").toString(), "--version");
        builder.environment().put("JAVA_HOME", directory.toString());

        assertThat(Programs.run(builder).expect(1).output())
                .contains("tunnel-client: no '", "install Java 17 or newer, or set JAVA_HOME");
    }
}
