package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the documentation shows works. */
final class DocsTest {
    /** A block of configuration whose first line names the file that it is. */
    private static final Pattern EXAMPLE =
            Pattern.compile("(?ms)^```hocon\\n(#[^\\n]*\\b(client|server)\\.conf\\b.*?)^```");

    @TempDir
    private Path directory = Path.of("");

    private record Example(Path page, String agent, String config) {}

    @Test
    @Tag("long")
    void everyCompleteExampleOfAConfigurationIsAccepted() throws IOException {
        List<Example> examples = new ArrayList<>();
        for (Path page : pages()) {
            EXAMPLE.matcher(Files.readString(page))
                    .results()
                    .forEach(found -> examples.add(new Example(page, found.group(2), found.group(1))));
        }
        assertThat(examples).hasSizeGreaterThan(10);
        examples.parallelStream().forEach(this::isAccepted);
    }

    private void isAccepted(Example example) {
        try {
            Path home = Files.createTempDirectory(directory, "example");
            Path file = Files.writeString(home.resolve(example.agent + ".conf"), example.config);
            ProcessBuilder check = Launcher.command("tunnel-" + example.agent, "-c", file.toString(), "check");
            check.environment().put("STATE_DIRECTORY", Keys.DIRECTORY.toString());
            Programs.Result result = Programs.run(check);
            assertThat(result.code())
                    .as("%s:%n%s%n%s", example.page, example.config, result.output())
                    .isZero();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<Path> pages() throws IOException {
        List<Path> pages = new ArrayList<>();
        pages.add(AgentProcess.source("README.md"));
        try (Stream<Path> docs = Files.list(AgentProcess.source("docs"))) {
            docs.filter(page -> page.toString().endsWith(".md")).sorted().forEach(pages::add);
        }
        return pages;
    }

    @Test
    void everyRowOfTheComparisonNamesATestThatThereIs() throws IOException {
        Pattern row = Pattern.compile("(?m)^\\|(?:[^|\\n]*\\|){9} *`(\\w+)` *\\|$");
        List<String> named = row.matcher(Files.readString(AgentProcess.source("README.md")))
                .results()
                .map(match -> match.group(1))
                .toList();

        assertThat(named)
                .hasSizeGreaterThan(20)
                .allSatisfy(test -> assertThat(Class.forName("dev.culvert.dist." + test))
                        .satisfies(found -> assertThat(found.getDeclaredMethods())
                                .anySatisfy(method -> assertThat(method.isAnnotationPresent(Test.class)
                                                || method.isAnnotationPresent(ParameterizedTest.class))
                                        .isTrue())));
    }

    /** One that is not there would be no failure: as the page calls Maven, it is content with nothing to do. */
    @Test
    void everyTestOfThePromisesIsThere() throws IOException {
        List<Path> sources = new ArrayList<>();
        for (String module : List.of("mux", "tunnel-common", "tunnel-client", "tunnel-server", "dist", "bench")) {
            try (Stream<Path> files = Files.walk(AgentProcess.source(module + "/src/test/java"))) {
                files.filter(file -> file.toString().endsWith(".java")).forEach(sources::add);
            }
        }
        List<String> named = Pattern.compile("-D(?:it\\.test|test|fuzz)=(?:'([^']+)'|([^\\s'`]+))")
                .matcher(Files.readString(AgentProcess.source("docs/verification.md")))
                .results()
                .map(found -> found.group(1) == null ? found.group(2) : found.group(1))
                .flatMap(list -> Stream.of(list.split(",", -1)))
                .filter(test -> !test.equals("none"))
                .toList();

        assertThat(named)
                .hasSizeGreaterThan(80)
                .allSatisfy(test -> assertThat(sources).anySatisfy(source -> isIn(source, test)));
    }

    /** As Surefire reads it: CLASS or CLASS#METHOD, with stars. */
    private static void isIn(Path source, String test) {
        String[] parts = test.replace("*", "\\w*").split("#", -1);
        assertThat(String.valueOf(source.getFileName())).matches(parts[0] + "\\.java");
        if (parts.length > 1) {
            assertThat(source).content().containsPattern("void " + parts[1] + "\\(");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"tunnel-client", "tunnel-server", "archive-classes"})
    void theScriptsAreForEveryPosixShell(String script) {
        String file = AgentProcess.packaged("bin/" + script).toString();

        Programs.run("sh", "-n", file).expect(0);
    }

    @Test
    void bashReadsTheQuickstart() {
        Programs.run("bash", "-n", AgentProcess.source("bin/quickstart").toString())
                .expect(0);
    }
}
