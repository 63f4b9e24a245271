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
    void allErrorsAreReportedAtOnceInTheOrderOfTheirLines() {
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
    void aKeyWithADefaultMayBeAbsent() throws BadConfig {
        assertThatObject(read("", top -> top.get("a", Kind.integer(0, 9), 5))).isEqualTo(5);
    }

    @Test
    void nullIsAbsence() throws BadConfig {
        assertThatObject(read("a = null", top -> top.get("a", Kind.integer(0, 9), 5)))
                .isEqualTo(5);
    }

    @Test
    void anOptionalKeyMayBeAbsent() throws BadConfig {
        assertThatObject(read("", top -> top.find("a", Kind.hostPort()))).isEqualTo(Optional.empty());
    }

    @Test
    void anOptionalKeyIsReadWhenItIsThere() throws BadConfig {
        Optional<HostPort> address = read("a = \"b:1\"", top -> top.find("a", Kind.hostPort()));
        assertThat(address).contains(new HostPort("b", 1));
    }

    @Test
    void aMissingKeyHasTheLineOfTheSectionAroundIt() {
        assertThat(errors(
                        "\na {\n  b {}\n}",
                        top -> top.section("a", a -> a.section("b", b -> b.get("port", Kind.integer(1, 9))))))
                .containsExactly("a.conf:3: a.b.port: missing, expected a whole number from 1 to 9");
    }

    @Test
    void aMissingKeyOfAMissingSectionHasTheLineOfWhatIsAroundThat() {
        assertThat(errors(
                        "\na {}", top -> top.section("a", a -> a.section("b", b -> b.get("port", Kind.integer(1, 9))))))
                .containsExactly("a.conf:2: a.b.port: missing, expected a whole number from 1 to 9");
    }

    @Test
    void aValueWhereASectionBelongsIsOneError() {
        assertThat(errors("a = 5", top -> top.section("a", a -> a.get("b", Kind.text()))))
                .containsExactly("a.conf:1: a: found 5, expected a section in braces { }");
    }

    @Test
    void aSectionWhereAValueBelongsIsOneError() {
        assertThat(errors("a { b = 5 }", top -> top.get("a", Kind.flag())))
                .containsExactly("a.conf:1: a: found a section, expected true or false");
    }

    @Test
    void anUnknownKeyWithoutASimilarOneIsToldTheKnownOnes() {
        assertThat(errors("range { unexpected = 1 }", top -> top.section("range", Range::read)))
                .containsExactly("a.conf:1: range.unexpected: unknown key; the keys here are from, to");
    }

    @Test
    void anUnknownKeyThatNeedsQuotesIsWrittenWithThem() {
        assertThat(errors("range { \"f.rom\" = 1 }", top -> top.section("range", Range::read)))
                .containsExactly("a.conf:1: range.\"f.rom\": unknown key; did you mean range.from?");
    }

    @Test
    void valuesThatDoNotFitTogetherAreAnErrorOfTheSection() {
        assertThat(errors("\nrange {\n  from = 5, to = 2 }", top -> top.section("range", Range::read)))
                .containsExactly("a.conf:2: range: from (5) must not exceed to (2)");
    }

    @Test
    void anUnknownKeyIsFoundBesideValuesThatDoNotFitTogether() {
        assertThat(errors("range { from = 5, to = 2\n x = 1 }", top -> top.section("range", Range::read)))
                .containsExactly(
                        "a.conf:1: range: from (5) must not exceed to (2)",
                        "a.conf:2: range.x: unknown key; the keys here are from, to");
    }

    @Test
    void whetherValuesFitTogetherIsNotAskedWhenOneOfThemIsWrong() {
        assertThat(errors("range { from = 50, to = much }", top -> top.section("range", Range::read)))
                .containsExactly("a.conf:1: range.to: found \"much\", expected a whole number from 0 to 100");
    }

    @Test
    void everyItemOfAListIsRead() throws BadConfig {
        assertThatObject(read("a = [\"b:1\", \"c:2\"]", top -> top.list("a", Kind.hostPort())))
                .isEqualTo(List.of(new HostPort("b", 1), new HostPort("c", 2)));
    }

    @Test
    void everyBadItemOfAListIsAnErrorOnItsLine() {
        assertThat(errors("a = [\n1\n\"c:2\"\n[]\nnull]", top -> top.list("a", Kind.hostPort())))
                .containsExactly(
                        "a.conf:2: a: found 1, expected HOST:PORT such as \"127.0.0.1:8080\"",
                        "a.conf:4: a: found an empty list, expected HOST:PORT such as \"127.0.0.1:8080\"",
                        "a.conf:5: a: found null, expected HOST:PORT such as \"127.0.0.1:8080\"");
    }

    @Test
    void anEmptyListIsAsBadAsNone() {
        assertThat(errors("a = []", top -> List.of(top.list("a", Kind.flag()), top.list("b", Kind.flag()))))
                .containsExactly(
                        "a.conf:1: a: found an empty list, expected a list of true or false",
                        "a.conf:1: b: missing, expected a list of true or false");
    }

    @Test
    void oneValueIsNotAList() {
        assertThat(errors("a = on", top -> top.list("a", Kind.flag())))
                .containsExactly("a.conf:1: a: found \"on\", expected a list of true or false");
    }

    @Test
    void namedSectionsComeInTheOrderOfTheirLines() throws BadConfig {
        assertThatObject(read(
                        "a { web {}\n db {}\n \"x.y\" {} }\na.cache {}",
                        top -> top.named("a", (name, section) -> name)))
                .isEqualTo(List.of("web", "db", "x.y", "cache"));
    }

    @Test
    void namedSectionsMayBeAbsent() throws BadConfig {
        assertThatObject(read("", top -> top.named("a", (name, section) -> name)))
                .isEqualTo(List.of());
    }

    @Test
    void aNamedSectionIsTakenAwayWithNull() throws BadConfig {
        assertThatObject(read("a { web {}, db {} }\na.web = null", top -> top.named("a", (name, section) -> name)))
                .isEqualTo(List.of("db"));
    }

    @Test
    void aNameHasFewCharacters() {
        assertThat(errors(
                        "a { \"w b\" {}\n " + "x".repeat(65) + " {} }", top -> top.named("a", (name, section) -> name)))
                .containsExactly(
                        "a.conf:1: a.\"w b\": a name has 1 to 64 of the characters A-Z a-z 0-9 . _ -",
                        "a.conf:2: a." + "x".repeat(65) + ": a name has 1 to 64 of the characters A-Z a-z 0-9 . _ -");
    }

    @Test
    void aSectionWithNothingInItIsNothing() throws BadConfig {
        assertThatObject(read("a { x = null }, b = null, c { d = 1 }, e = 1", top -> {
                    top.section("c", c -> c.has("d"));
                    return List.of(top.has("a"), top.has("b"), top.has("c"), top.has("e"), top.has("f"));
                }))
                .isEqualTo(List.of(false, false, true, true, false));
    }
}
