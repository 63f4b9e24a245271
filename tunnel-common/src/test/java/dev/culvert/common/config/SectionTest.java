package dev.culvert.common.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatObject;

import dev.culvert.mux.HostPort;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SectionTest {
    private record Range(int from, int to) {
        Range {
            if (from > to) {
                throw new IllegalArgumentException("from (%s) must not exceed to (%s)".formatted(from, to));
            }
        }

        static Range read(Section section) {
            return new Range(section.get("from", Kind.integer(0, 100), 1), section.get("to", Kind.integer(0, 100), 10));
        }
    }

    @TempDir
    Path directory;

    private <T> T read(String text, Function<Section, T> shape) throws BadConfig {
        return new Text(directory, text).read(shape);
    }

    private List<String> errors(String text, Function<Section, ?> shape) {
        return new Text(directory, text).errors(shape);
    }

    @Test
    void all_errors_are_reported_at_once_in_the_order_of_their_lines() {
        assertThat(errors("""
                        nam = 1
                        name = [x]
                        range { form = 1, to = 1000 }
                        forwards { web { listen = "80800" } }
                        """, top -> {
                    top.named("forwards", (name, section) -> section.get("listen", Kind.listenAddress()));
                    top.section("range", Range::read);
                    top.get("must", Kind.flag());
                    return top.get("name", Kind.text(), "");
                }))
                .containsExactly(
                        "a.conf:1: must: missing, expected true or false",
                        "a.conf:1: nam: unknown key; did you mean name?",
                        "a.conf:2: name: found a list, expected a text",
                        "a.conf:3: range.to: found 1000, expected a whole number from 0 to 100",
                        "a.conf:3: range.form: unknown key; did you mean range.from?",
                        "a.conf:4: forwards.web.listen: found \"80800\", expected HOST:PORT such as \"127.0.0.1:8080\"");
    }

    @Test
    void a_key_with_a_default_may_be_absent() throws BadConfig {
        assertThatObject(read("", top -> top.get("a", Kind.integer(0, 9), 5))).isEqualTo(5);
    }

    @Test
    void null_is_absence() throws BadConfig {
        assertThatObject(read("a = null", top -> top.get("a", Kind.integer(0, 9), 5)))
                .isEqualTo(5);
    }

    @Test
    void an_optional_key_may_be_absent() throws BadConfig {
        assertThatObject(read("", top -> top.find("a", Kind.hostPort()))).isEqualTo(Optional.empty());
    }

    @Test
    void an_optional_key_is_read_when_it_is_there() throws BadConfig {
        Optional<HostPort> address = read("a = \"b:1\"", top -> top.find("a", Kind.hostPort()));
        assertThat(address).contains(new HostPort("b", 1));
    }

    @Test
    void a_missing_key_has_the_line_of_the_section_around_it() {
        assertThat(errors(
                        "\na {\n  b {}\n}",
                        top -> top.section("a", a -> a.section("b", b -> b.get("port", Kind.integer(1, 9))))))
                .containsExactly("a.conf:3: a.b.port: missing, expected a whole number from 1 to 9");
    }

    @Test
    void a_missing_key_of_a_missing_section_has_the_line_of_what_is_around_that() {
        assertThat(errors(
                        "\na {}", top -> top.section("a", a -> a.section("b", b -> b.get("port", Kind.integer(1, 9))))))
                .containsExactly("a.conf:2: a.b.port: missing, expected a whole number from 1 to 9");
    }

    @Test
    void a_value_where_a_section_belongs_is_one_error() {
        assertThat(errors("a = 5", top -> top.section("a", a -> a.get("b", Kind.text()))))
                .containsExactly("a.conf:1: a: found 5, expected a section in braces { }");
    }

    @Test
    void a_section_where_a_value_belongs_is_one_error() {
        assertThat(errors("a { b = 5 }", top -> top.get("a", Kind.flag())))
                .containsExactly("a.conf:1: a: found a section, expected true or false");
    }

    @Test
    void an_unknown_key_without_a_similar_one_is_told_the_known_ones() {
        assertThat(errors("range { unexpected = 1 }", top -> top.section("range", Range::read)))
                .containsExactly("a.conf:1: range.unexpected: unknown key; the keys here are from, to");
    }

    @Test
    void an_unknown_key_that_needs_quotes_is_written_with_them() {
        assertThat(errors("range { \"f.rom\" = 1 }", top -> top.section("range", Range::read)))
                .containsExactly("a.conf:1: range.\"f.rom\": unknown key; did you mean range.from?");
    }

    @Test
    void values_that_do_not_fit_together_are_an_error_of_the_section() {
        assertThat(errors("\nrange {\n  from = 5, to = 2 }", top -> top.section("range", Range::read)))
                .containsExactly("a.conf:2: range: from (5) must not exceed to (2)");
    }

    @Test
    void an_unknown_key_is_found_beside_values_that_do_not_fit_together() {
        assertThat(errors("range { from = 5, to = 2\n x = 1 }", top -> top.section("range", Range::read)))
                .containsExactly(
                        "a.conf:1: range: from (5) must not exceed to (2)",
                        "a.conf:2: range.x: unknown key; the keys here are from, to");
    }

    @Test
    void whether_values_fit_together_is_not_asked_when_one_of_them_is_wrong() {
        assertThat(errors("range { from = 50, to = much }", top -> top.section("range", Range::read)))
                .containsExactly("a.conf:1: range.to: found \"much\", expected a whole number from 0 to 100");
    }

    @Test
    void every_item_of_a_list_is_read() throws BadConfig {
        assertThatObject(read("a = [\"b:1\", \"c:2\"]", top -> top.list("a", Kind.hostPort())))
                .isEqualTo(List.of(new HostPort("b", 1), new HostPort("c", 2)));
    }

    @Test
    void every_bad_item_of_a_list_is_an_error_on_its_line() {
        assertThat(errors("a = [\n1\n\"c:2\"\n[]\nnull]", top -> top.list("a", Kind.hostPort())))
                .containsExactly(
                        "a.conf:2: a: found 1, expected HOST:PORT such as \"127.0.0.1:8080\"",
                        "a.conf:4: a: found an empty list, expected HOST:PORT such as \"127.0.0.1:8080\"",
                        "a.conf:5: a: found null, expected HOST:PORT such as \"127.0.0.1:8080\"");
    }

    @Test
    void an_empty_list_is_as_bad_as_none() {
        assertThat(errors("a = []", top -> List.of(top.list("a", Kind.flag()), top.list("b", Kind.flag()))))
                .containsExactly(
                        "a.conf:1: a: found an empty list, expected a list of true or false",
                        "a.conf:1: b: missing, expected a list of true or false");
    }

    @Test
    void one_value_is_not_a_list() {
        assertThat(errors("a = on", top -> top.list("a", Kind.flag())))
                .containsExactly("a.conf:1: a: found \"on\", expected a list of true or false");
    }

    @Test
    void named_sections_come_in_the_order_of_their_lines() throws BadConfig {
        assertThatObject(read(
                        "a { web {}\n db {}\n \"x.y\" {} }\na.cache {}",
                        top -> top.named("a", (name, section) -> name)))
                .isEqualTo(List.of("web", "db", "x.y", "cache"));
    }

    @Test
    void named_sections_may_be_absent() throws BadConfig {
        assertThatObject(read("", top -> top.named("a", (name, section) -> name)))
                .isEqualTo(List.of());
    }

    @Test
    void a_named_section_is_taken_away_with_null() throws BadConfig {
        assertThatObject(read("a { web {}, db {} }\na.web = null", top -> top.named("a", (name, section) -> name)))
                .isEqualTo(List.of("db"));
    }

    @Test
    void a_name_has_few_characters() {
        assertThat(errors(
                        "a { \"w b\" {}\n " + "x".repeat(65) + " {} }", top -> top.named("a", (name, section) -> name)))
                .containsExactly(
                        "a.conf:1: a.\"w b\": a name has 1 to 64 of the characters A-Z a-z 0-9 . _ -",
                        "a.conf:2: a." + "x".repeat(65) + ": a name has 1 to 64 of the characters A-Z a-z 0-9 . _ -");
    }

    @Test
    void a_section_with_nothing_in_it_is_nothing() throws BadConfig {
        assertThatObject(read("a { x = null }, b = null, c { d = 1 }, e = 1", top -> {
                    top.section("c", c -> c.has("d"));
                    return List.of(top.has("a"), top.has("b"), top.has("c"), top.has("e"), top.has("f"));
                }))
                .isEqualTo(List.of(false, false, true, true, false));
    }
}
