package dev.culvert.common.lifecycle;

import static java.util.Collections.newSetFromMap;
import static java.util.Comparator.comparingLong;
import static java.util.stream.Collectors.toCollection;

import com.typesafe.config.Config;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.Base64;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.function.ToLongFunction;

/**
 * The status as a page for a browser: whole as it is sent, graphs and all, so it needs no JavaScript. Where there is
 * some, it only fetches the page anew. Names come from peers, so whatever is not markup is escaped.
 */
final class StatusPage {
    /** More rows help nobody; {@code conns} has all. */
    private static final int MOST_ROWS = 100;

    private static final int SLOWEST = 3;
    /**
     * What waits for a reader that does not read, bytes, at least: of its first window all but the quarter that no UPD
     * has given back.
     */
    private static final long SLOW = 192 << 10;

    private static final int GRAPH_WIDTH = 300;
    private static final int GRAPH_HEIGHT = 60;

    private static final String TEMPLATE = template();

    /**
     * Nothing but what is in the template: no script, style or picture of anybody else's (Content Security Policy,
     * level 3).
     */
    static final String POLICY =
            "default-src 'none'; script-src %s; style-src %s; img-src data:; connect-src 'self'; base-uri 'none';"
                            .formatted(hash("script"), hash("style"))
                    + " form-action 'none'; frame-ancestors 'none'";

    private final Config status;
    private final StringBuilder html = new StringBuilder();

    private StatusPage(Config status) {
        this.status = status;
    }

    /** @param status the document of {@code /status} */
    static String of(Config status) {
        return new StatusPage(status).render();
    }

    private String render() {
        String agent = status.getString("agent");
        String state = status.getString("state");
        html.append("<main>\n<header><h1>").append(escape(agent)).append("</h1> ");
        html.append(
                "<span class=\"state %s\">%s</span> ".formatted(state.equals("ready") ? "ready" : "", escape(state)));
        html.append("<span class=\"faint\">version %s, pid %d, up for %s</span></header>\n"
                .formatted(
                        escape(status.getString("version")),
                        status.getLong("pid"),
                        Words.time(status.getLong("uptime_ms"))));
        List<String> reasons = status.getStringList("reasons");
        if (!reasons.isEmpty()) {
            html.append("<ul class=\"reasons\">");
            reasons.forEach(reason -> html.append("<li>").append(escape(reason)).append("</li>"));
            html.append("</ul>\n");
        }
        graphs();
        slowest();
        sessions();
        forwards();
        offers();
        connections();
        html.append("</main>");
        return TEMPLATE.replace("{title}", escape(agent + ", " + state)).replace("{main}", html);
    }

    // ---- graphs

    private void graphs() {
        html.append("<div class=\"graphs\">\n");
        graph("connections", "", sample -> sample.getLong("connections"), String::valueOf);
        graph("in", "in", sample -> sample.getLong("in_per_s"), Words::rate);
        graph("out", "out", sample -> sample.getLong("out_per_s"), Words::rate);
        graph("round trip", "", sample -> sample.getLong("round_trip_us"), Words::millis);
        html.append("</div>\n");
    }

    private void graph(String name, String style, ToLongFunction<Config> value, Function<Long, String> readable) {
        List<Long> values =
                status.getConfigList("history").stream().map(value::applyAsLong).toList();
        long last = values.isEmpty() ? 0 : values.get(values.size() - 1);
        long most = values.stream().mapToLong(Long::longValue).max().orElse(0);
        html.append("<figure class=\"%s\"><figcaption>%s <b>%s</b></figcaption>"
                .formatted(style, name, readable.apply(last)));
        html.append(
                "<svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"%s, the last minutes\">"
                        .formatted(GRAPH_WIDTH, GRAPH_HEIGHT, name));
        html.append("<polyline points=\"").append(points(values, most)).append("\"/></svg>");
        html.append("<small>most in 5 min: %s</small></figure>\n".formatted(readable.apply(most)));
    }

    /** The newest at the right edge, a second for each step; the greatest at the top. */
    private static String points(List<Long> values, long most) {
        StringBuilder points = new StringBuilder();
        int x = GRAPH_WIDTH - values.size();
        for (long value : values) {
            x++;
            points.append(x).append(',');
            points.append(GRAPH_HEIGHT - (most == 0 ? 0 : Math.round((double) value * GRAPH_HEIGHT / most)));
            points.append(' ');
        }
        return points.toString().strip();
    }

    // ---- tables

    private void slowest() {
        List<? extends Config> slow = status.getConfigList("connections").stream()
                .filter(one -> one.getLong("unread") >= SLOW)
                .sorted(comparingLong((Config one) -> one.getLong("unread")).reversed())
                .limit(SLOWEST)
                .toList();
        if (slow.isEmpty()) {
            return;
        }
        html.append("<h2>Slowest readers</h2>\n");
        boolean client = status.getString("agent").equals("tunnel-client");
        for (Config one : slow) {
            html.append("<p class=\"slow\">%s has not read %s of connection %s, %s</p>\n"
                    .formatted(
                            escape(one.getString(client ? "source" : "target")),
                            Words.bytes(one.getLong("unread")),
                            escape(one.getString("id")),
                            escape(one.getString("forward"))));
        }
    }

    private record Column(String head, boolean number, Function<Config, String> text) {
        static Column text(String head, Function<Config, String> text) {
            return new Column(head, false, text);
        }

        static Column number(String head, Function<Config, String> text) {
            return new Column(head, true, text);
        }

        static Column bytes(String head, String field) {
            return number(head, row -> Words.bytes(row.getLong(field)));
        }

        static Column rate(String head, String field) {
            return number(head, row -> Words.rate(row.getLong(field)));
        }
    }

    private void sessions() {
        table(
                "Sessions",
                "There is none.",
                status.getConfigList("sessions"),
                Column.text("session", row -> row.getString("id")),
                Column.text("peer", row -> Words.at(row.getString("client"), row.getString("peer"))),
                Column.text("protocol", row -> row.getString("protocol")),
                Column.text("state", row -> row.getString("state")),
                Column.number("age", row -> Words.time(row.getLong("age_ms"))),
                Column.number("streams", row -> row.getString("streams")),
                Column.number("round trip", row -> Words.millis(row.getLong("round_trip_us"))),
                Column.number("sent again", row -> row.getString("retransmits")),
                Column.rate("receives", "received_per_s"),
                Column.rate("sends", "sent_per_s"),
                Column.bytes("received", "received"),
                Column.bytes("sent", "sent"));
    }

    private void forwards() {
        table(
                "Forwards",
                "Nothing has come yet.",
                status.getConfigList("forwards"),
                Column.text("forward", row -> row.getString("forward")),
                Column.text("client", row -> row.getString("client")),
                Column.number("connections", row -> row.getString("connections")),
                Column.number("so far", row -> row.getString("begun")),
                Column.rate("in", "in_per_s"),
                Column.rate("out", "out_per_s"),
                Column.bytes("in, all", "in"),
                Column.bytes("out, all", "out"));
    }

    private void offers() {
        List<? extends Config> rows = status.getConfigList("offers");
        if (!rows.isEmpty()) {
            table(
                    "Offers",
                    "There is none.",
                    rows,
                    Column.text("listener", row -> row.getString("listener")),
                    Column.text("client", row -> row.getString("client")),
                    Column.number("sessions", row -> row.getString("sessions")));
        }
    }

    private void connections() {
        List<? extends Config> rows = status.getConfigList("connections");
        Set<Config> fastest = rows.stream()
                .sorted(Rates.FASTEST_FIRST)
                .limit(MOST_ROWS)
                .collect(toCollection(() -> newSetFromMap(new IdentityHashMap<>())));
        table(
                "Connections",
                "There is none.",
                rows.stream()
                        .filter(fastest::contains)
                        .toList(), // the oldest first: none changes its place as rates change
                Column.text("id", row -> row.getString("id")),
                Column.text("forward", row -> row.getString("forward")),
                Column.text("from", row -> Words.at(row.getString("client"), row.getString("source"))),
                Column.text("target", row -> row.getString("target")),
                Column.text("state", row -> row.getString("state")),
                Column.number("age", row -> Words.time(row.getLong("age_ms"))),
                Column.number("idle", row -> Words.time(row.getLong("idle_ms"))),
                Column.rate("in", "in_per_s"),
                Column.rate("out", "out_per_s"),
                Column.bytes("in, all", "in"),
                Column.bytes("out, all", "out"),
                Column.bytes("unread", "unread"),
                Column.bytes("unsent", "unsent"));
        if (rows.size() > MOST_ROWS) {
            html.append("<p class=\"faint\">and %d more, which are slower; <code>conns</code> lists all of them</p>\n"
                    .formatted(rows.size() - MOST_ROWS));
        }
    }

    /** Without the columns that have nothing in them. */
    private void table(String title, String otherwise, List<? extends Config> rows, Column... all) {
        List<Column> columns = Arrays.stream(all)
                .filter(column ->
                        rows.stream().anyMatch(row -> !column.text.apply(row).isEmpty()))
                .toList();
        html.append("<h2>").append(title).append("</h2>\n");
        if (rows.isEmpty()) {
            html.append("<p class=\"faint\">").append(otherwise).append("</p>\n");
            return;
        }
        html.append("<div class=\"card\"><table>\n<thead><tr>");
        for (Column column : columns) {
            html.append("<th%s scope=\"col\">%s</th>".formatted(style(column), column.head));
        }
        html.append("</tr></thead>\n<tbody>\n");
        for (Config row : rows) {
            html.append("<tr>");
            for (Column column : columns) {
                html.append("<td%s data-label=\"%s\">".formatted(style(column), column.head))
                        .append(escape(column.text.apply(row)))
                        .append("</td>");
            }
            html.append("</tr>\n");
        }
        html.append("</tbody>\n</table></div>\n");
    }

    private static String style(Column column) {
        return column.number ? " class=\"number\"" : "";
    }

    // ---- text

    static String escape(String text) {
        return text.replace("&", "&amp;")
                .replace("<", "&lt;")
                .replace(">", "&gt;")
                .replace("\"", "&quot;")
                .replace("'", "&#39;");
    }

    private static String template() {
        try (InputStream in = StatusPage.class.getResourceAsStream("page.html")) {
            return new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e); // it is in our own jar
        }
    }

    /** Of what stands in an element of the template, as a policy writes it. */
    private static String hash(String element) {
        int begin = TEMPLATE.indexOf("<" + element + ">") + element.length() + 2;
        String content = TEMPLATE.substring(begin, TEMPLATE.indexOf("</" + element + ">"));
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(content.getBytes(StandardCharsets.UTF_8));
            return "'sha256-" + Base64.getEncoder().encodeToString(digest) + "'";
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }
}
