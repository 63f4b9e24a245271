package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** What {@code archive-classes} makes is used, but only for what it was made of; agents work without it. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class ClassArchiveTest {
    private Path home = Path.of("");

    @BeforeAll
    void install(@TempDir Path directory) throws IOException {
        home = directory.resolve("culvert");
        Programs.run(
                        "cp",
                        "-r",
                        "--preserve=timestamps",
                        AgentProcess.packaged("").toString(),
                        home.toString())
                .expect(0);
        Programs.run(home.resolve("bin/archive-classes").toString()).expect(0);
    }

    /** Whether an agent that is started now has its archive; in any case it works, and says nothing of that. */
    private boolean hasArchive(String agent) throws IOException {
        String config = agent.equals("client")
                ? """
                upstream { servers = ["127.0.0.1:9"], tls = off }
                forwards { web { listen = "127.0.0.1:0", target = "127.0.0.1:9" } }
                """
                : "listen = \"127.0.0.1:0\", tls = off, insecure = true, anonymous.allow = [\"127.0.0.1:9\"]";
        try (AgentProcess process = new AgentProcess.Builder("tunnel-" + agent)
                .home(home)
                .config(config)
                .start()) {
            process.awaitLog("listening on");
            assertThat(process.log().matching("^(?!\\d{4}-)")).isEmpty();
            return Files.readString(Path.of("/proc", String.valueOf(process.pid()), "maps"))
                    .contains(home.resolve("lib/tunnel-" + agent + ".jsa").toString());
        }
    }

    @Test
    void eachAgentHasItsArchive() throws IOException {
        assertThat(hasArchive("client")).isTrue();
        assertThat(hasArchive("server")).isTrue();
    }

    @Test
    void anotherJavaDoesWithout() throws IOException {
        Path release = home.resolve("lib/jsa.release");
        byte[] before = Files.readAllBytes(release);
        Files.writeString(release, "JAVA_VERSION=\"17.0.1\"\n");

        assertThat(hasArchive("client")).isFalse();

        Files.write(release, before);
    }

    @Test
    void whatWasReplacedIsNotTakenFromTheArchive() throws IOException {
        Path jar;
        try (Stream<Path> files = Files.list(home.resolve("lib"))) {
            jar = files.filter(file -> String.valueOf(file.getFileName()).startsWith("mux-"))
                    .findFirst()
                    .orElseThrow();
        }
        FileTime before = Files.getLastModifiedTime(jar);
        Files.setLastModifiedTime(jar, FileTime.from(before.toInstant().plus(Duration.ofDays(1))));

        assertThat(hasArchive("client")).isFalse();

        Files.setLastModifiedTime(jar, before);
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
