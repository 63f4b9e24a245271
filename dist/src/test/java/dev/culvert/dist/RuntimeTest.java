package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The package with a Java of its own, which {@code -Pjlink} makes, where there is no other Java. */
@EnabledIfSystemProperty(named = "culvert.runtime", matches = ".+", disabledReason = "-Pjlink makes what it tests")
final class RuntimeTest {
    private static final Path JAVA_HOME = Path.of(Objects.requireNonNull(System.getProperty("java.home")));

    @TempDir
    private static Path home = Path.of("");

    /** What PATH leads to: all that a launcher needs, and no java. */
    @TempDir
    private static Path programs = Path.of("");

    @TempDir
    private Path directory = Path.of("");

    @BeforeAll
    static void unpack() throws IOException {
        String archive = Objects.requireNonNull(System.getProperty("culvert.runtime"));
        Programs.run("tar", "-xzf", archive, "--strip-components=1", "-C", home.toString())
                .expect(0);
        Files.createSymbolicLink(programs.resolve("readlink"), Path.of("/usr/bin/readlink"));
    }

    private static List<String> files(Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            return files.filter(Files::isRegularFile)
                    .map(file -> directory.relativize(file).toString())
                    .sorted()
                    .toList();
        }
    }

    @Test
    void itIsThePackageWithItsJavaAndNothingElse() throws IOException {
        List<String> files = new ArrayList<>(files(home));
        assertThat(files).contains("runtime/bin/java", "runtime/legal/java.base/LICENSE");
        files.removeIf(file -> file.startsWith("runtime/"));
        List<String> without = new ArrayList<>(files(AgentProcess.packaged("")));
        without.removeIf(file -> file.matches("lib/(tunnel-.*\\.jsa|jsa\\.cksum)")); // archive-classes has made them

        assertThat(files).isEqualTo(without);
    }

    @Test
    void itsJavaHasEveryModuleThatTheJarsUse() throws IOException {
        List<String> jdeps = new ArrayList<>(List.of(
                JAVA_HOME.resolve("bin/jdeps").toString(),
                "--print-module-deps",
                "--ignore-missing-deps",
                "--multi-release=17"));
        try (Stream<Path> jars = Files.list(home.resolve("lib"))) {
            jars.map(Path::toString).filter(jar -> jar.endsWith(".jar")).forEach(jdeps::add);
        }
        String used = Programs.run(jdeps.toArray(String[]::new))
                .expect(0)
                .output()
                .lines()
                .reduce((first, last) -> last)
                .orElseThrow();
        List<String> there = Programs.run(home.resolve("runtime/bin/java").toString(), "--list-modules")
                .expect(0)
                .output()
                .lines()
                .map(module -> module.replaceFirst("@.*", ""))
                .toList();

        // Not the desktop: it is for configurations read into beans, and ours are read into records.
        assertThat(there)
                .containsAll(Arrays.stream(used.strip().split(",", -1))
                        .filter(module -> !module.equals("java.desktop"))
                        .toList())
                .doesNotContain("java.desktop");
    }

    private static Programs.Result run(String program, String... arguments) {
        return Programs.run(command(programs.toString(), home.resolve("bin/" + program), arguments));
    }

    /** With nothing but {@code PATH} in the environment. */
    private static ProcessBuilder command(String path, Path program, String... arguments) {
        List<String> command = new ArrayList<>(List.of(program.toString()));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().clear();
        builder.environment().put("PATH", path);
        return builder;
    }

    @ParameterizedTest
    @ValueSource(strings = {"client", "server"})
    void theCommandsRun(String agent) throws IOException {
        String program = "tunnel-" + agent;
        Path configuration = Files.writeString(
                directory.resolve(agent + ".conf"),
                Files.readString(home.resolve("conf/" + agent + ".conf"))
                        .replace("#key-file = \"" + agent + ".key\"", "key-file = \"" + agent + ".key\""));

        assertThat(run(program, "--version").expect(0).output()).startsWith(program + " ");
        assertThat(run(program, "-c", configuration.toString(), "keygen")
                        .expect(0)
                        .output())
                .contains("SHA256:");
        assertThat(directory.resolve(agent + ".key")).isNotEmptyFile();
        run(program, "-c", configuration.toString(), "check").expect(0);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void theAgentsCarryDataWithEitherTls(boolean openSsl) throws Exception {
        try (Service echo = Service.echo();
                Tunnel tunnel = Tunnel.to(echo)
                        .each(agent -> agent.home(home)
                                .environment("PATH", programs.toString())
                                .environment("JAVA_HOME", "")
                                .jvm("-Dio.netty.handler.ssl.noOpenSsl=" + !openSsl))
                        .open()) {
            Tunnel.echoes(tunnel.client());

            assertThat(tunnel.agents())
                    .allMatch(agent -> agent.hasMapped(home + "/runtime/lib/server/libjvm.so"))
                    .allMatch(agent -> agent.hasMapped("netty_transport_native_epoll"))
                    .allMatch(agent -> agent.hasMapped("netty_tcnative") == openSsl)
                    .noneMatch(agent -> agent.hasMapped(JAVA_HOME.toString()));
        }
    }

    @Test
    void aLogOfOnesOwnIsSetUp() throws Exception {
        Path log = Files.writeString(directory.resolve("log.xml"), """
                <configuration>
                  <appender name="own" class="ch.qos.logback.core.ConsoleAppender">
                    <encoder><pattern>own: %msg%n</pattern></encoder>
                  </appender>
                  <root level="info"><appender-ref ref="own"/></root>
                </configuration>
                """);
        try (Service echo = Service.echo();
                AgentProcess server = Tunnel.to(echo)
                        .each(agent -> agent.home(home).jvm("-Dlogback.configurationFile=" + log))
                        .startServer(0)) {
            server.awaitLog("^own: listen: listening");
        }
    }

    @Test
    void itsClassesCanBeArchived() {
        Path copy = directory.resolve("culvert");
        Programs.run("cp", "-rp", home.toString(), copy.toString()).expect(0);
        String system = "/usr/bin:/bin"; // a Java may be there: the package's own comes first
        Programs.run(command(system, copy.resolve("bin/archive-classes"))).expect(0);

        ProcessBuilder version = command(system, copy.resolve("bin/tunnel-client"), "--version");
        version.environment().put("CULVERT_OPTS", "-Xlog:class+load");
        assertThat(Programs.run(version).expect(0).output())
                .contains("java.lang.Object source: shared objects file")
                .containsPattern("dev\\.culvert\\S+ source: shared objects file \\(top\\)");
    }
}
