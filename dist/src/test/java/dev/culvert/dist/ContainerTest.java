package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The Dockerfile, as far as one can tell without Docker: what it names is there. */
final class ContainerTest {
    /** The instructions with this word, each as one line without it. */
    private static List<String> instructions(String word) throws IOException {
        String file = Files.readString(AgentProcess.source("Dockerfile")).replaceAll("\\\\\n\\s*", "");
        return Pattern.compile("(?m)^" + word + " (.*)$")
                .matcher(file)
                .results()
                .map(match -> match.group(1))
                .toList();
    }

    private static String instruction(String word) throws IOException {
        assertThat(instructions(word)).hasSize(1);
        return instructions(word).get(0);
    }

    private static Map<String, String> environment() throws IOException {
        Map<String, String> environment = new TreeMap<>();
        for (String pair : List.of(instruction("ENV").split(" ", -1))) {
            environment.put(pair.replaceFirst("=.*", ""), pair.replaceFirst(".*?=", ""));
        }
        return environment;
    }

    private static List<String> list(String json) {
        return ConfigFactory.parseString("list = " + json).getStringList("list");
    }

    @Test
    void theArchiveWithAJavaIsUnpackedAndNoOther() throws IOException {
        List<String> files = List.of(instruction("ADD").split(" ", -1));
        PathMatcher added = FileSystems.getDefault().getPathMatcher("glob:" + files.get(0));
        Path plain = AgentProcess.packaged("");

        assertThat(instructions("COPY")).isEmpty();
        assertThat(files).hasSize(2).endsWith("/opt/");
        assertThat(added.matches(Path.of(plain.getFileName() + "-linux-" + System.getProperty("os.arch") + ".tar.gz")))
                .isTrue();
        assertThat(added.matches(Path.of(plain.getFileName() + ".tar.gz"))).isFalse();
    }

    @Test
    void eachAgentHasAnImageThatStartsIt() throws IOException {
        List<String> agents = List.of("tunnel-client", "tunnel-server");

        assertThat(instructions("FROM"))
                .containsExactly("debian:stable-slim AS agents", "agents AS tunnel-client", "agents AS tunnel-server");
        assertThat(instructions("ENTRYPOINT").stream().flatMap(words -> list(words).stream()))
                .isEqualTo(agents)
                .allSatisfy(agent ->
                        assertThat(AgentProcess.packaged("bin/" + agent)).isExecutable());
        assertThat(environment().get("PATH")).startsWith("/opt/culvert/bin:");
        assertThat(instruction("STOPSIGNAL")).isEqualTo("SIGTERM");
    }

    @Test
    void theUserIsNotRootAndOwnsWhatTheAgentWrites() throws IOException {
        List<String> user = List.of(instruction("USER").split(":", -1));

        assertThat(user).hasSize(2).allMatch(id -> Integer.parseInt(id) > 0);
        assertThat(instruction("RUN"))
                .contains("install -d -o %s -g %s -m 0700 %s %s"
                        .formatted(
                                user.get(0),
                                user.get(1),
                                environment().get("STATE_DIRECTORY"),
                                environment().get("RUNTIME_DIRECTORY")));
        assertThat(list(instruction("VOLUME")))
                .containsExactly("/etc/culvert", environment().get("STATE_DIRECTORY"));
    }
}
