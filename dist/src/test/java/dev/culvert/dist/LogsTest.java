package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigParseOptions;
import com.typesafe.config.ConfigSyntax;
import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The log of both agents in its formats, and what docs/logs.md says of it. */
final class LogsTest {
    private static final Service ECHO = Service.echo();
    private static final ConfigParseOptions JSON = ConfigParseOptions.defaults().setSyntax(ConfigSyntax.JSON);
    private static final Set<String> OF_ALL = Set.of("time", "level", "logger", "thread", "message");

    @TempDir
    private Path directory = Path.of("");

    private static Tunnel.Builder logging(String format) {
        String log = "log { format = %s, level = debug }".formatted(format);
        return Tunnel.to(ECHO).server(log).client(log);
    }

    /** The events of a log, each with the fields that JSON has for it; fails if a line is no object. */
    private static List<Map<String, Object>> events(AgentProcess agent) {
        return agent.log()
                .toString()
                .lines()
                .map(line -> ConfigFactory.parseString(line, JSON).root().unwrapped())
                .toList();
    }

    private static Map<String, Object> connection(AgentProcess agent) {
        return events(agent).stream()
                .filter(event -> "connection".equals(event.get("event")))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void inJsonBothSidesTellTheSameOfAConnection() throws IOException {
        Tunnel tunnel = logging("json").open();
        int port;
        try (tunnel;
                Socket socket = tunnel.connect()) {
            port = socket.getLocalPort();
            Tunnel.echo(socket);
            socket.shutdownOutput();
            assertThat(socket.getInputStream().read()).isNegative();
            tunnel.agents().forEach(agent -> agent.awaitLog("\"event\":\"connection\""));
        }
        Map<String, Object> client = connection(tunnel.client());
        Map<String, Object> server = connection(tunnel.server());
        assertThat(client)
                .containsEntry("forward", "web")
                .containsEntry("client", "")
                .containsEntry("source", "127.0.0.1:" + port)
                .containsEntry("target", ECHO.address())
                .containsEntry("reason", "closed")
                .containsEntry("level", "info")
                .containsEntry("logger", "culvert.connection")
                .containsKeys("id", "ms");
        assertThat(server).containsEntry("client", "tests");
        for (String same : List.of("id", "forward", "source", "target", "reason")) {
            assertThat(server).containsEntry(same, Objects.requireNonNull(client.get(same)));
        }
        assertThat((Integer) client.get("in")).isPositive().isEqualTo(server.get("out"));
        assertThat((Integer) client.get("out")).isPositive().isEqualTo(server.get("in"));
    }

    @Test
    @Tag("long")
    void everyFieldIsDocumentedAndEveryDocumentedFieldIsWritten() throws IOException {
        Map<String, Set<String>> written = new TreeMap<>();
        Tunnel.Builder tunnel = logging("json")
                .server("listeners.printer.listen = \"127.0.0.1:0\", clients.tests.offers = [\"printer\"]")
                .client("reverse { printer.target = \"%s\", down.target = \"127.0.0.1:1\" }".formatted(ECHO.address()))
                .client("reverse.forbidden { target = \"127.0.0.1:1\", health = off }");
        AgentProcess server = tunnel.startServer(0);
        int port = server.port("listen");
        Link link = new Link(port);
        AgentProcess client = tunnel.startClient(link.port());
        try (server;
                link;
                client;
                Socket open = Tunnel.connect(client, "web")) {
            Tunnel.echo(open);
            link.cut();
            Tunnel.echo(open);
            try (Socket noise = Tunnel.connectTo(port)) {
                noise.getOutputStream().write(Bytes.ascii("GET / HTTP/1.0\r\n\r\n"));
                server.awaitLog("\"event\":\"refused\"");
            }
            for (String event : List.of("offer_up", "offer_refused", "target_up", "target_down")) {
                client.awaitLog("\"event\":\"" + event + "\"");
            }
            server.terminate();
            client.awaitLog("\"event\":\"session_draining\"");
            client.awaitLog("\"event\":\"session_failed\"");
            open.shutdownOutput();
            assertThat(open.getInputStream().read()).isNegative();
            client.awaitLog("\"event\":\"session_ended\"");
        }
        for (AgentProcess agent : List.of(server, client)) {
            for (Map<String, Object> event : events(agent)) {
                assertThat(event).containsKeys(OF_ALL.toArray(String[]::new)).doesNotContainKey("error");
                Set<String> own = new TreeSet<>(event.keySet());
                own.removeAll(OF_ALL);
                written.computeIfAbsent(String.valueOf(event.getOrDefault("event", "")), name -> new TreeSet<>())
                        .addAll(own);
            }
        }
        assertThat(written.remove("")).as("fields of lines that are no event").isEmpty();

        Map<String, Set<String>> documented = documented();
        // What these two have is looked at in RefusalsTest and StderrAppenderTest: they take a flood.
        assertThat(documented.keySet()).contains("refused_more", "log_lost");
        documented.keySet().removeAll(List.of("refused_more", "log_lost"));
        assertThat(written).isEqualTo(documented);
    }

    /** The first column of the table below each heading that is the name of an event. */
    private static Map<String, Set<String>> documented() throws IOException {
        Map<String, Set<String>> events = new TreeMap<>();
        String page = Files.readString(AgentProcess.source("docs/logs.md"));
        List<MatchResult> sections = Pattern.compile("(?ms)^### (\\w+)$(.*?)(?=^##|\\z)")
                .matcher(page)
                .results()
                .toList();
        for (MatchResult section : sections) {
            Set<String> fields = new TreeSet<>();
            Pattern.compile("(?m)^\\| `(\\w+)` \\|")
                    .matcher(section.group(2))
                    .results()
                    .forEach(row -> fields.add(row.group(1)));
            events.put(section.group(1), fields);
        }
        return events;
    }

    @Test
    void theExamplesAreTheSameEventInEachFormat() throws IOException {
        String page = Files.readString(AgentProcess.source("docs/logs.md"));
        String json =
                page.lines().filter(line -> line.startsWith("{")).findFirst().orElseThrow();
        Map<String, Object> event = ConfigFactory.parseString(json, JSON).root().unwrapped();
        assertThat(page.lines())
                .contains(event.get("time") + " INFO  " + event.get("message"), "<6>" + event.get("message"));
        assertThat(event.keySet())
                .containsAll(OF_ALL)
                .containsAll(Objects.requireNonNull(documented().get("connection")));
    }

    @Test
    void forTheJournalEveryLineHasItsPriorityAndNoTime() throws IOException {
        Tunnel tunnel = logging("journald").open();
        try (tunnel) {
            Tunnel.echoes(tunnel.client());
            tunnel.agents().forEach(agent -> agent.awaitLog("^<6>\\S+ forward=web client=.* end: closed$"));
            tunnel.server().signal("TERM");
            tunnel.client().awaitLog("^<4>.*; dialling ");
            tunnel.server().awaitExit(); // before the end of the tunnel asks it for leaks, if it is there
        }
        for (AgentProcess agent : tunnel.agents()) {
            assertThat(agent.log().toString().lines()).allMatch(line -> line.matches("<[3467]>(?!20\\d\\d-).*"));
        }
    }

    @Tag("long")
    @Test
    void theJournalOfAnotherProcessIsNotOurs() throws IOException {
        try (Tunnel tunnel = Tunnel.to(ECHO)
                .each(agent -> agent.environment("JOURNAL_STREAM", "9:99999"))
                .open()) {
            tunnel.client().awaitLog("^\\d{4}-\\d\\d-\\d\\dT\\S+ INFO  .*session up");
        }
    }

    @Test
    void whatKeepsAnAgentFromStartingIsInTheFormatThatIsConfigured() throws IOException {
        Path file = Files.writeString(directory.resolve("client.conf"), """
                upstream { servers = ["127.0.0.1:1"], tls = off }
                forwards { web { listen = "192.0.2.1:1", target = "127.0.0.1:80" } }
                log { format = json }
                """);
        String output = Programs.run(Launcher.command("tunnel-client", "-c", file.toString()))
                .expect(5)
                .output();
        assertThat(ConfigFactory.parseString(output, JSON).root().unwrapped())
                .containsEntry("level", "error")
                .extractingByKey("message")
                .asString()
                .startsWith("forwards.web: cannot listen on 192.0.2.1:1");
    }
}
