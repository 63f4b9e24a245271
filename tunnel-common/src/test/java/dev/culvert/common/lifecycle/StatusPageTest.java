package dev.culvert.common.lifecycle;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class StatusPageTest {
    private static final String QUIET = """
            agent = tunnel-server, version = 1, pid = 7, state = ready, reasons = [], uptime_ms = 61000
            sessions = [], forwards = [], offers = [], connections = [], history = []
            """;

    private static String connection(int number, long rate, long unread) {
        return """
                { id = c%d, forward = web, client = laptop, source = "192.0.2.1:5", target = "db:5432", session = s1, state = open,
                  age_ms = 1, idle_ms = 1, in = 0, out = 0, in_per_s = %d, out_per_s = 0, unread = %d, unsent = 0 }
                """.formatted(number, rate, unread);
    }

    private static String page(String... more) {
        Config status = ConfigFactory.parseString(QUIET + String.join("\n", more));
        return StatusPage.of(status);
    }

    @Test
    void anAgentWithNothingToDoSaysSo() {
        assertThat(page())
                .contains(
                        "<title>tunnel-server, ready</title>",
                        "<span class=\"state ready\">ready</span>",
                        "up for 1m1s")
                .contains("<h2>Sessions</h2>\n<p class=\"faint\">There is none.</p>")
                .contains("<polyline points=\"\"/>")
                .doesNotContain("Slowest readers", "class=\"reasons\"", "{main}", "{title}");
    }

    @Test
    void whatIsWrongStandsAtTheTop() {
        assertThat(page("state = \"not ready\", reasons = [\"no session to a server\"]"))
                .contains("<span class=\"state \">not ready</span>", "<li>no session to a server</li>");
    }

    /** Whatever a peer calls itself, it stays text. */
    @Test
    void namesAreNoMarkup() {
        String evil = "</td><script>alert('1')</script>&\\\"";

        assertThat(page("connections = [" + connection(1, 0, 1 << 20).replace("= web", "= \"" + evil + "\"") + "]"))
                .doesNotContain("<script>alert")
                .contains(
                        "<td data-label=\"forward\">&lt;/td&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&quot;</td>");
    }

    @Test
    void theSlowestReadersAreNamedTheSlowestFirst() {
        String page = page("connections = ["
                + Stream.of(connection(1, 0, 1000), connection(2, 0, 300_000), connection(3, 0, 8_000_000))
                        .collect(Collectors.joining(","))
                + "]");

        assertThat(page)
                .containsSubsequence(
                        "db:5432 has not read 8.0 MB of connection c3, web",
                        "db:5432 has not read 300 kB of connection c2, web",
                        "<h2>Sessions</h2>");
        assertThat(page).doesNotContain("1.0 kB of connection");
    }

    @Test
    void ofManyConnectionsTheFastestAreShownAndTheRestIsCounted() {
        String page = page(IntStream.rangeClosed(1, 250)
                .mapToObj(i -> connection(i, i * 1000L, 0))
                .collect(Collectors.joining(",", "connections = [", "]")));

        assertThat(page)
                .containsSubsequence("<td data-label=\"id\">c151</td>", "<td data-label=\"id\">c250</td>")
                .contains("and 150 more, which are slower")
                .doesNotContain("<td data-label=\"id\">c150</td>");
    }

    @Test
    void aColumnWithNothingInItIsLeftOut() {
        assertThat(page("""
                        forwards = [{ forward = web, client = "", connections = 0, begun = 1, in = 0, out = 0, in_per_s = 0, out_per_s = 0 }]
                        """)).contains(">forward</th>").doesNotContain(">client</th>");
    }

    @Test
    void graphsEndAtTheRightAndReachToTheTop() {
        String sample = "{ connections = %d, in_per_s = 0, out_per_s = 0, round_trip_us = 1500 }";

        assertThat(page("history = [" + sample.formatted(0) + "," + sample.formatted(5) + "," + sample.formatted(10)
                        + "]"))
                .contains("connections <b>10</b>", "<polyline points=\"298,60 299,30 300,0\"/>")
                .contains("round trip <b>1.5 ms</b>");
    }

    @Test
    void thePolicyAllowsNothingFromElsewhere() {
        assertThat(List.of(StatusPage.POLICY.split("; ", -1)))
                .contains("default-src 'none'", "connect-src 'self'", "frame-ancestors 'none'")
                .anySatisfy(part -> assertThat(part).matches("script-src 'sha256-[A-Za-z0-9+/]{43}='"))
                .anySatisfy(part -> assertThat(part).matches("style-src 'sha256-[A-Za-z0-9+/]{43}='"))
                .noneSatisfy(part -> assertThat(part).contains("unsafe"));
        assertThat(page()).doesNotContain("http:", "https:", " style=", " onclick=");
    }
}
