package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.culvert.common.admin.AdminClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** docs/examples/grafana and docs/examples/prometheus: what they ask for is what the agents tell. */
final class PrometheusTest {
    private static final String PROMTOOL = "/usr/bin/promtool";
    private static final Path RULES = AgentProcess.source("docs/examples/prometheus/culvert.rules.yml");
    private static final Config DASHBOARD = ConfigFactory.parseFile(
            AgentProcess.source("docs/examples/grafana/culvert.json").toFile());

    /** Labels that a sample gets when it is read. */
    private static final Set<String> OF_THE_SCRAPE = Set.of("job", "instance");

    /** What both agents tell: the names of metrics, each with the names of its labels. */
    private static final Map<String, Set<String>> TOLD = new TreeMap<>();

    @TempDir
    private Path directory = Path.of("");

    @BeforeAll
    static void ask(@TempDir Path sockets) throws Exception {
        try (Service echo = Service.echo();
                Tunnel tunnel = Tunnel.to(echo)
                        .client("admin.listen = \"%s\"".formatted(sockets.resolve("client")))
                        .server("admin.listen = \"%s\"".formatted(sockets.resolve("server")))
                        .open()) {
            Tunnel.echoes(tunnel.client());
            for (AgentProcess agent : tunnel.agents()) {
                agent.awaitLog(" end: ");
            }
            // Round trips are known after a while.
            await().atMost(AgentProcess.PATIENCE)
                    .untilAsserted(() -> assertThat(told(sockets.resolve("client")))
                            .containsKey("culvert_round_trip_seconds_bucket")
                            .isEqualTo(told(sockets.resolve("server"))));
            TOLD.putAll(told(sockets.resolve("client")));
        }
    }

    private static Map<String, Set<String>> told(Path socket) throws Exception {
        try (AdminClient agent = new AdminClient(socket.toString())) {
            return results("(?m)^(culvert_\\w+)(?:\\{(.*)})? ", agent.get("/metrics"))
                    .collect(Collectors.toMap(
                            sample -> sample.group(1),
                            sample -> words("(\\w+)=\"", sample.group(2) == null ? "" : sample.group(2)),
                            (first, second) -> first,
                            TreeMap::new));
        }
    }

    private static Stream<MatchResult> results(String regex, String text) {
        return Pattern.compile(regex).matcher(text).results();
    }

    private static Set<String> words(String regex, String text) {
        return results(regex, text).map(match -> match.group(1)).collect(Collectors.toCollection(TreeSet::new));
    }

    // ---- every expression

    private static List<String> ofTheDashboard() {
        return panels().filter(panel -> panel.hasPath("targets"))
                .flatMap(panel -> panel.getConfigList("targets").stream())
                .map(target -> target.getString("expr"))
                .toList();
    }

    private static List<String> ofTheRules() throws IOException {
        return Yaml.documents(RULES).get(0).getConfigList("groups").stream()
                .flatMap(group -> group.getConfigList("rules").stream())
                .map(rule -> rule.getString("expr"))
                .toList();
    }

    private static List<String> expressions() throws IOException {
        return Stream.concat(ofTheDashboard().stream(), ofTheRules().stream()).toList();
    }

    @ParameterizedTest
    @MethodSource("expressions")
    void itAsksForMetricsAndLabelsThatBothAgentsTell(String expression) {
        Set<String> labels = new TreeSet<>(OF_THE_SCRAPE);
        results("\\b(culvert_\\w+|up)\\b(?:\\{([^}]*)})?", expression).forEach(selector -> {
            Set<String> ofThis = new TreeSet<>(OF_THE_SCRAPE);
            if (!selector.group(1).equals("up")) { // Prometheus' own
                assertThat(TOLD).containsKey(selector.group(1));
                ofThis.addAll(TOLD.getOrDefault(selector.group(1), Set.of()));
            }
            assertThat(ofThis).containsAll(words("(\\w+)[!=]~?\"", String.valueOf(selector.group(2))));
            labels.addAll(ofThis);
        });

        assertThat(expression).containsPattern("\\b(culvert_\\w+|up)\\b");
        results("\\b(?:by|on) \\(([^)]*)\\)", expression)
                .forEach(list -> assertThat(labels).containsAll(words("(\\w+)", list.group(1))));
    }

    // ---- the dashboard

    private static Stream<? extends Config> panels() {
        return DASHBOARD.getConfigList("panels").stream();
    }

    @Test
    void theDashboardShowsEveryMetric() {
        Set<String> asked = words("\\b(culvert_\\w+)", String.join("\n", ofTheDashboard()));

        assertThat(TOLD.keySet().stream().filter(name -> !name.matches(".*_seconds_(sum|count)")))
                .allMatch(asked::contains);
    }

    @Test
    void aLegendNamesLabelsThatItsExpressionKeeps() {
        panels().filter(panel -> panel.hasPath("targets"))
                .flatMap(panel -> panel.getConfigList("targets").stream())
                .forEach(target -> {
                    String expression = target.getString("expr");
                    Set<String> kept = words("\\bby \\(([^)]*)\\)", expression).stream()
                            .flatMap(list -> words("(\\w+)", list).stream())
                            .collect(Collectors.toCollection(TreeSet::new));
                    if (!expression.contains(" by (")) {
                        kept.addAll(OF_THE_SCRAPE);
                        words("\\b(culvert_\\w+)", expression).forEach(name -> kept.addAll(TOLD.get(name)));
                    }

                    assertThat(kept).containsAll(words("\\{\\{(\\w+)}}", target.getString("legendFormat")));
                });
    }

    @Test
    void thePanelsDoNotHideEachOtherAndTakeTheirDataFromWhereOneChooses() {
        Set<String> taken = new TreeSet<>();
        panels().forEach(panel -> {
            for (int y = 0; y < panel.getInt("gridPos.h"); y++) {
                for (int x = 0; x < panel.getInt("gridPos.w"); x++) {
                    String place = (panel.getInt("gridPos.x") + x) + " " + (panel.getInt("gridPos.y") + y);
                    assertThat(taken.add(place)).as(panel.getString("title")).isTrue();
                }
            }
            if (!panel.getString("type").equals("row")) {
                assertThat(panel.getString("datasource.uid")).isEqualTo("${datasource}");
            }
        });
        assertThat(panels().map(panel -> panel.getInt("id"))).doesNotHaveDuplicates();
        assertThat(DASHBOARD.getConfigList("templating.list").stream().map(variable -> variable.getString("name")))
                .containsExactly("datasource", "job", "instance");
    }

    // ---- what Prometheus says

    @Test
    void promtoolReadsTheConfigurationTheRulesAndEveryQueryOfTheDashboard() throws IOException {
        Programs.require(PROMTOOL, "PrometheusTest: whether Prometheus reads docs/examples");
        promtool(
                "check",
                "config",
                "--lint-fatal",
                RULES.resolveSibling("prometheus.yml").toString());

        List<String> rules = new ArrayList<>(List.of("groups:", "- name: dashboard", "  rules:"));
        for (String expression : ofTheDashboard()) {
            rules.add("  - record: panel:" + rules.size());
            rules.add("    expr: '%s'".formatted(expression.replace("$__rate_interval", "1m")));
        }
        Path file = Files.write(directory.resolve("dashboard.yml"), rules);
        promtool("check", "rules", "--lint=none", file.toString());
    }

    @Test
    void anAlertComesForTheInstanceWithTheTroubleAndForNoOther() {
        Programs.require(PROMTOOL, "PrometheusTest: when alerts come");
        promtool(
                "test",
                "rules",
                AgentProcess.source("dist/src/test/prometheus/alerts.yml").toString());
    }

    private static void promtool(String... arguments) {
        Programs.run(Stream.concat(Stream.of(PROMTOOL), Stream.of(arguments)).toArray(String[]::new))
                .expect(0);
    }

    @Test
    void prometheusIsToldTheAddressesThatTheConfigurationsSuggest() throws IOException {
        List<String> targets =
                Yaml.documents(RULES.resolveSibling("prometheus.yml")).get(0).getConfigList("scrape_configs").stream()
                        .flatMap(scrape -> scrape.getConfigList("static_configs").stream())
                        .flatMap(group -> group.getStringList("targets").stream())
                        .toList();

        List<String> suggested = new ArrayList<>();
        for (String agent : List.of("client", "server")) {
            String configuration = Files.readString(AgentProcess.source("conf/" + agent + ".conf"));
            suggested.addAll(words(agent + "\\.sock\", \"(\\S+?)\"", configuration));
        }
        assertThat(targets).isEqualTo(suggested);
    }
}
