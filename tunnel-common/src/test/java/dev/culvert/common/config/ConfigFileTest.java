package dev.culvert.common.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ConfigFileTest {
    @TempDir
    Path directory;

    private List<String> errors(String text) {
        return new Text(directory, text).errors(section -> section.get("a", Kind.text(), ""));
    }

    @Test
    void aMissingFileIsNamed() {
        Path file = directory.resolve("none.conf");
        assertThatThrownBy(() -> ConfigFile.read(file, section -> ""))
                .isInstanceOf(BadConfig.class)
                .hasMessage(file + ": no such file");
    }

    @Test
    void aDirectoryIsNotAFile() {
        assertThatThrownBy(() -> ConfigFile.read(directory, section -> ""))
                .isInstanceOf(BadConfig.class)
                .hasMessage(directory + ": is a directory, expected a file");
    }

    @Test
    void anUnreadableFileIsAMatterOfItsMode() throws IOException {
        Path file = Files.writeString(directory.resolve("secret.conf"), "a = b");
        assertThat(file.toFile().setReadable(false)).isTrue();
        assumeFalse(Files.isReadable(file), "root reads everything");
        assertThatThrownBy(() -> ConfigFile.read(file, section -> ""))
                .isInstanceOf(BadConfig.class)
                .hasMessage(file + ": cannot be read; check its owner and its mode");
    }

    @Test
    void aFileIsNamedAsItsUserNamedIt() throws IOException {
        Path absolute = Files.writeString(directory.resolve("a.conf"), "c = d");
        Path relative = Path.of("").toAbsolutePath().relativize(absolute);
        assertThatThrownBy(() -> ConfigFile.read(relative, section -> section.get("a", Kind.text(), "")))
                .hasMessage(relative + ":1: c: unknown key; did you mean a?");
    }

    @Test
    void anAddressWithoutQuotesIsToldToGetSome() {
        assertThat(errors("a = 127.0.0.1:8080"))
                .containsExactly("a.conf:1: Expecting end of input or a comma, got ':';"
                        + " a value with special characters needs double quotes, as in \"127.0.0.1:8080\"");
    }

    @Test
    void anAddressWithoutQuotesInAListIsToldToGetSome() {
        assertThat(errors("a = [\n[::1]:80 ]"))
                .containsExactly("a.conf:2: List should have ] or a first element after the open [,"
                        + " instead had token: ':';"
                        + " a value with special characters needs double quotes, as in \"127.0.0.1:8080\"");
    }

    @Test
    void aSectionThatIsNotClosedIsToldToBeClosed() {
        assertThat(errors("a = b\nc {\n"))
                .containsExactly("a.conf:3: the file ends inside a section; add the missing }");
    }

    @Test
    void anEscapeWithASignInItIsRefused() {
        assertThat(errors("a = \"\\u-001\""))
                .containsExactly("a.conf: an escape \\u in it is not followed by four hexadecimal digits");
    }

    @Test
    void aBraceTooManyHasItsLine() {
        assertThat(errors("a = b\n}"))
                .singleElement()
                .asString()
                .startsWith("a.conf:2: ")
                .contains("'}'");
    }

    @Test
    void aFileThatIsAListIsRefused() {
        assertThat(errors("[1, 2]")).containsExactly("a.conf:1: has type LIST rather than object at file root");
    }

    @ParameterizedTest
    @ValueSource(strings = {"[", "a {", "a."})
    void aFileThatIsNestedWithoutEndIsRefused(String opening) {
        assertThat(errors(opening.repeat(100_000))).containsExactly("a.conf: sections or lists are nested too deeply");
    }

    @Test
    void bytesThatAreNoTextAreRefused() throws IOException {
        Path file = Files.write(directory.resolve("binary.conf"), new byte[] {(byte) 0xff, 0, '{', (byte) 0xfe});
        assertThatThrownBy(() -> ConfigFile.read(file, section -> "")).isInstanceOf(BadConfig.class);
    }

    @Test
    void aSubstitutionOfNothingSaysHowToDefineIt() {
        assertThat(errors("\na = ${CULVERT_NOT_SET}"))
                .containsExactly("a.conf:2: Could not resolve substitution to a value: ${CULVERT_NOT_SET};"
                        + " define it in the file or in the environment, or write ${?...} if it may be absent");
    }

    @Test
    void substitutionsThatNeedEachOtherAreRefused() {
        assertThat(errors("a = ${b}\nb = ${a}"))
                .singleElement()
                .asString()
                .contains("cycle of substitutions")
                .endsWith("; write the value itself in one of them");
    }

    @Test
    void aQuoteThatIsNotClosedIsNamed() {
        assertThat(errors("a = \"b\nc = 1"))
                .containsExactly("a.conf:1: a quoted text ends with its line; is the closing quote missing?");
    }

    @Test
    void anOptionalSubstitutionOfNothingIsAbsence() throws BadConfig {
        String value = new Text(directory, "a = ${?CULVERT_NOT_SET}")
                .read(section -> section.get("a", Kind.text(), "default"));
        assertThat(value).isEqualTo("default");
    }

    @Test
    void anErrorInTheEnvironmentHasTheLineOfTheSectionThatUsesIt() {
        assertThat(new Text(directory, "\nlimits {\n  a = ${PATH}\n}")
                        .errors(top -> top.section("limits", section -> section.get("a", Kind.flag(), true))))
                .singleElement()
                .asString()
                .startsWith("a.conf:2: limits.a: found ");
    }

    @Test
    void oneSectionIsReadWhateverTheOthersNeed() throws BadConfig {
        Text text = new Text(directory, "a { b = ${CULVERT_NOT_SET} }, c = ${e} { d = ${e.f}x }, e { f = 1 }");
        String value = text.peek("c", top -> top.section("c", c -> c.get("d", Kind.text(), "default")));
        assertThat(value).isEqualTo("1x");
        assertThatThrownBy(() -> text.peek("a", top -> top))
                .isInstanceOf(BadConfig.class)
                .hasMessageContaining("a.conf:1: Could not resolve substitution to a value: ${CULVERT_NOT_SET}");
    }

    @Test
    void theErrorsOfASectionThatIsReadAloneAreSaid() throws Exception {
        Path file = Files.writeString(directory.resolve("a.conf"), "a = ${CULVERT_NOT_SET}, c.d = 1, c.x = 2");
        assertThatThrownBy(() -> ConfigFile.readOnly(
                        file, file, "c", top -> top.section("c", c -> c.get("d", Kind.flag(), true))))
                .isInstanceOf(BadConfig.class)
                .hasMessageContaining("a.conf:1: c.d: found 1, expected true or false")
                .hasMessageContaining("a.conf:1: c.x: unknown key");
    }

    @Test
    void aFileThatIsNotInUtf8IsRefused() throws Exception {
        byte[] latin = "a = ok\nb = \"caf\u00e9\"\n".getBytes(StandardCharsets.ISO_8859_1);
        Path file = Files.write(directory.resolve("latin.conf"), latin);
        String why = file + ":2: this line is not in UTF-8; save the file in that encoding";
        assertThatThrownBy(() -> ConfigFile.read(file, section -> ""))
                .isInstanceOf(BadConfig.class)
                .hasMessage(why);
        assertThat(errors("include \"latin.conf\""))
                .containsExactly("latin.conf:2: this line is not in UTF-8; save the file in that encoding");
        assertThat(errors("include file(\"" + file + "\")")).hasSize(1);
    }

    @Test
    void aMissingIncludeIsAnError() {
        assertThat(errors("include \"none.conf\""))
                .containsExactly("a.conf: include \"none.conf\": no such file, or it cannot be read");
    }

    @Test
    void aMissingIncludeByFileIsAnError() {
        assertThat(errors("include file(\"/none.conf\")"))
                .containsExactly("a.conf: include \"/none.conf\": no such file, or it cannot be read");
    }

    @Test
    void anIncludeOfAUrlIsNotFetched() {
        assertThat(errors("include url(\"http://127.0.0.1:1/more.conf\")"))
                .containsExactly("a.conf: include url(\"http://127.0.0.1:1/more.conf\"): only files can be included");
    }

    @ParameterizedTest
    @ValueSource(strings = {"META-INF/MANIFEST.MF", "/META-INF/MANIFEST.MF"})
    void anIncludeIsNotLookedForAmongTheClasses(String name) {
        assertThat(errors("include \"" + name + "\""))
                .containsExactly("a.conf: include \"" + name + "\": no such file, or it cannot be read");
        assertThat(errors("include classpath(\"" + name + "\")"))
                .containsExactly("a.conf: include classpath(\"" + name + "\"): only files can be included");
    }

    @Test
    void anIncludeOfItselfIsAnError() {
        assertThat(errors("include \"a.conf\""))
                .containsExactly("a.conf:1: include statements nested more than 50 times,"
                        + " you probably have a cycle in your includes");
    }

    @Test
    void anErrorInAnIncludedFileHasThePlaceInThatFile() throws IOException {
        Files.writeString(directory.resolve("more.conf"), "\n\nb = 1");
        assertThat(errors("include \"more.conf\"\na = 2"))
                .containsExactly("more.conf:3: b: unknown key; did you mean a?");
    }

    @Test
    void anErrorInASectionOfSeveralFilesHasTheLineAroundIt() throws IOException {
        Files.writeString(directory.resolve("more.conf"), "s { b = 1 }");
        assertThat(new Text(directory, "s { c = 2 }\ninclude \"more.conf\"")
                        .errors(top -> top.section("s", section -> {
                            section.get("b", Kind.text(), "");
                            section.get("c", Kind.text(), "");
                            return section.get("missing", Kind.text());
                        })))
                .containsExactly("a.conf:1: s.missing: missing, expected a text");
    }

    @Test
    void whatIsWrittenTwiceCountsAsWrittenLast() throws BadConfig {
        assertThat(new Text(directory, "a = b\na = c").<String>read(section -> section.get("a", Kind.text())))
                .isEqualTo("c");
    }

    @ParameterizedTest
    @ValueSource(strings = {"a = \"x\\n\\u001bc\"", "a \u0085\u001bc"})
    void anErrorIsOneLineAndDoesNothingToTheTerminal(String text) {
        Kind<Object> refused = Kind.of("a rule", "", rule -> {
            throw new IllegalArgumentException("'" + rule + "' is not a rule");
        });
        assertThat(new Text(directory, text).errors(section -> section.get("a", refused)))
                .singleElement()
                .asString()
                .contains("?c")
                .doesNotContainPattern("\\p{Cc}");
    }

    @Test
    void theMessageIsEveryErrorOnItsOwnLine() {
        assertThatThrownBy(() -> new Text(directory, "x = 1\ny = 2").read(section -> section.has("key")))
                .hasMessage(
                        "%1$s:1: x: unknown key; the keys here are key\n%1$s:2: y: unknown key; the keys here are key"
                                .formatted(directory.resolve("a.conf")));
    }
}
