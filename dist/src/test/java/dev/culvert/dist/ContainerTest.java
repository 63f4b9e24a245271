package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The Dockerfile and docs/examples/kubernetes, as far as one can tell without a cluster: what they name is there. */
@Tag("long")
final class ContainerTest {
    @TempDir
    private Path directory = Path.of("");

    // ---- the Dockerfile

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

    // ---- Kubernetes

    /** What one of the examples has of this kind. */
    private static Config manifest(String agent, String kind) throws IOException {
        return Yaml.documents(AgentProcess.source("docs/examples/kubernetes/" + agent + ".yaml")).stream()
                .filter(document -> document.getString("kind").equals(kind))
                .findFirst()
                .orElseThrow();
    }

    private static Config pod(String agent) throws IOException {
        return manifest(agent, "Deployment").getConfig("spec.template.spec");
    }

    /** The container that an agent is in: of its own, or beside a program. */
    private static Config container(String agent) throws IOException {
        Config pod = pod(agent);
        return Stream.of("containers", "initContainers")
                .filter(pod::hasPath)
                .flatMap(list -> pod.getConfigList(list).stream())
                .filter(container -> container.getString("name").equals("tunnel-" + agent))
                .findFirst()
                .orElseThrow();
    }

    private static String configuration(String agent) throws IOException {
        return manifest(agent, "ConfigMap").getString("data.\"" + agent + ".conf\"");
    }

    @ParameterizedTest
    @ValueSource(strings = {"client", "server"})
    void theConfigurationInTheManifestIsAccepted(String agent) throws IOException {
        Path file = Files.writeString(directory.resolve(agent + ".conf"), configuration(agent));
        for (String command : List.of("keygen", "check")) {
            ProcessBuilder builder = Launcher.command("tunnel-" + agent, "-c", file.toString(), command);
            builder.environment().put("STATE_DIRECTORY", directory.toString());
            Programs.run(builder).expect(0);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"client", "server"})
    void thePodHasWhatTheImageNeedsAndMayDoNothingElse(String agent) throws IOException {
        Config container = container(agent);
        Config security =
                container.getConfig("securityContext").withFallback(pod(agent).getConfig("securityContext"));
        Map<String, String> mounts = container.getConfigList("volumeMounts").stream()
                .collect(Collectors.toMap(mount -> mount.getString("mountPath"), mount -> mount.getString("name")));
        List<? extends Config> volumes = pod(agent).getConfigList("volumes");

        assertThat(container.getString("image")).startsWith("tunnel-" + agent + ":");
        assertThat(security.getInt("runAsUser") + ":" + security.getInt("runAsGroup"))
                .isEqualTo(instruction("USER"));
        assertThat(security.getInt("fsGroup")).isEqualTo(security.getInt("runAsGroup"));
        assertThat(security.getBoolean("readOnlyRootFilesystem")).isTrue();
        assertThat(mounts)
                .isEqualTo(Map.of(
                        "/etc/culvert",
                        "config",
                        environment().get("STATE_DIRECTORY"),
                        "key",
                        environment().get("RUNTIME_DIRECTORY"),
                        "admin",
                        "/tmp",
                        "tmp"));
        assertThat(volumes.stream().map(volume -> volume.getString("name")))
                .containsExactlyInAnyOrderElementsOf(mounts.values());
        assertThat(volumes.stream().filter(volume -> volume.hasPath("configMap")))
                .singleElement()
                .satisfies(volume -> assertThat(volume.getString("configMap.name"))
                        .isEqualTo(manifest(agent, "ConfigMap").getString("metadata.name")));
        assertThat(volumes.stream().filter(volume -> volume.hasPath("secret")))
                .singleElement()
                .satisfies(volume ->
                        assertThat(volume.getInt("secret.defaultMode")).isEqualTo(0440));
    }

    @ParameterizedTest
    @ValueSource(strings = {"client", "server"})
    void thePodIsLeftToDrain(String agent) throws IOException {
        Config defaults = ConfigFactory.parseString(Files.readString(AgentProcess.packaged("conf/" + agent + ".conf"))
                .replace("# timeout", "timeout"));

        assertThat(configuration(agent)).doesNotContain("drain");
        assertThat(pod(agent).getLong("terminationGracePeriodSeconds"))
                .isGreaterThan(defaults.getDuration("drain.timeout", TimeUnit.SECONDS));
    }

    @Test
    void theServiceLeadsToWhereTheServerListens() throws IOException {
        Config service = manifest("server", "Service").getConfig("spec");
        Config deployment = manifest("server", "Deployment").getConfig("spec");
        Config port = service.getConfigList("ports").get(0);
        Config ofTheContainer = container("server").getConfigList("ports").get(0);

        assertThat(ConfigFactory.parseString(configuration("server")).getString("listen"))
                .isEqualTo("0.0.0.0:" + ofTheContainer.getInt("containerPort"));
        assertThat(instruction("EXPOSE")).isEqualTo(ofTheContainer.getString("containerPort"));
        assertThat(port.getString("targetPort")).isEqualTo(ofTheContainer.getString("name"));
        assertThat(service.getConfig("selector"))
                .isEqualTo(deployment.getConfig("selector.matchLabels"))
                .isEqualTo(deployment.getConfig("template.metadata.labels"));
    }

    /** Does what a kubelet does, but for the port. */
    private static Programs.Result probe(AgentProcess agent, String name, String probe) throws IOException {
        List<String> command = container(name).getStringList(probe + ".exec.command");
        String inManifest = ConfigFactory.parseString(configuration(name)).getStringList("admin.listen").stream()
                .filter(address -> !address.startsWith("/"))
                .findFirst()
                .orElseThrow();
        String port = inManifest.replaceFirst(".*:", "/");
        assertThat(command.get(2)).contains(port);
        return Programs.run(command.get(0), command.get(1), command.get(2).replace(port, "/" + agent.port("admin")));
    }

    @Test
    void probesAskFromInsideAndSayWhy() throws Exception {
        try (Service echo = Service.echo();
                Tunnel tunnel = Tunnel.to(echo)
                        .client("admin.listen = \"127.0.0.1:0\"")
                        .server("admin.listen = \"127.0.0.1:0\"")
                        .open()) {
            probe(tunnel.server(), "server", "livenessProbe").expect(0);
            probe(tunnel.server(), "server", "readinessProbe").expect(0);
            probe(tunnel.client(), "client", "startupProbe").expect(0);
            tunnel.server().kill();
            tunnel.client().awaitLog("link to .* lost");

            probe(tunnel.client(), "client", "livenessProbe").expect(0);
            assertThat(probe(tunnel.client(), "client", "startupProbe")
                            .expect(1)
                            .output())
                    .contains("no session to a server");
            probe(tunnel.server(), "server", "livenessProbe").expect(1);
        }
    }
}
