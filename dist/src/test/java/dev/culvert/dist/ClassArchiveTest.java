package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Objects;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code archive-classes} makes is used, but only for what it was made of; agents work without it. */
@Tag("long")
final class ClassArchiveTest {
    private static final Path JAVA_HOME = Path.of(Objects.requireNonNull(System.getProperty("java.home")));

    @TempDir
    private static Path home = Path.of("");

    @TempDir
    private Path directory = Path.of("");

    @BeforeAll
    static void install() {
        Programs.run("cp", "-rp", AgentProcess.packaged(".").toString(), home.toString())
                .expect(0);
        Programs.run(home.resolve("bin/archive-classes").toString()).expect(0);
    }

    private boolean hasArchive(String agent) throws IOException {
        return hasArchive(agent, JAVA_HOME);
    }

    /** Whether an agent that is started now has its archive; in any case it works, and says nothing of that. */
    private boolean hasArchive(String agent, Path java) throws IOException {
        Path loaded = directory.resolve("loaded");
        String config = agent.equals("client")
                ? """
                upstream { servers = ["127.0.0.1:9"], tls = off }
                forwards { web { listen = "127.0.0.1:0", target = "127.0.0.1:9" } }
                """
                : "listen = \"127.0.0.1:0\", tls = off, insecure = true, anonymous.allow = [\"127.0.0.1:9\"]";
        try (AgentProcess process = new AgentProcess.Builder("tunnel-" + agent)
                .home(home)
                .environment("JAVA_HOME", java.toString())
                .config(config)
                .jvm("-Xlog:class+load:file=" + loaded)
                .start()) {
            process.awaitLog("listening on");
            assertThat(process.log().matching("^(?!\\d{4}-)")).isEmpty();
        }
        assertThat(loaded).content().contains("dev.culvert.common.lifecycle.");
        return Files.readString(loaded).matches("(?s).*dev\\.culvert\\.\\S+ source: shared objects file \\(top\\).*");
    }

    @Test
    void eachAgentHasItsArchive() throws IOException {
        assertThat(hasArchive("client")).isTrue();
        assertThat(hasArchive("server")).isTrue();
    }

    @Test
    void anotherJavaDoesWithout() throws IOException {
        Path other = Files.createDirectories(directory.resolve("java"));
        Files.createDirectories(other.resolve("bin"));
        Files.copy(JAVA_HOME.resolve("bin/java"), other.resolve("bin/java"), StandardCopyOption.COPY_ATTRIBUTES);
        Files.createSymbolicLink(other.resolve("lib"), JAVA_HOME.resolve("lib"));
        Files.createSymbolicLink(other.resolve("conf"), JAVA_HOME.resolve("conf"));
        Files.writeString(other.resolve("release"), "JAVA_VERSION=\"17.0.1\"\n");

        assertThat(hasArchive("client", other)).isFalse();
    }

    @Test
    void otherJarsDoWithout() throws IOException {
        Path jar = Files.writeString(home.resolve("lib/another.jar"), "");
        assertThat(hasArchive("client")).isTrue();

        Files.writeString(jar, "x");
        assertThat(hasArchive("client")).isFalse();

        Files.delete(jar);
    }

    @Test
    void aPathThatTheJvmCannotUseIsNamed() {
        Path spaced = home.resolve("a path");
        Programs.run("cp", "-rp", AgentProcess.packaged(".").toString(), spaced.toString())
                .expect(0);

        assertThat(Programs.run(spaced.resolve("bin/archive-classes").toString())
                        .expect(1)
                        .output())
                .contains("a path with a space");
    }

    @Test
    void withoutAJavaItSaysSoAndChangesNothing() throws IOException {
        ProcessBuilder archive =
                new ProcessBuilder(home.resolve("bin/archive-classes").toString());
        archive.environment().put("JAVA_HOME", home.toString());

        assertThat(Programs.run(archive).expect(1).output())
                .contains("archive-classes: cannot start tunnel-client", "tunnel-client --version says why");
        assertThat(hasArchive("client")).isTrue();
    }
}
