package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is in the packages. */
final class PackageTest {
    @TempDir
    private Path directory = Path.of("");

    @Test
    void theBillOfMaterialsNamesWhatIsThereAndNothingElse() throws IOException {
        Path bill;
        try (Stream<Path> files = Files.list(AgentProcess.packaged(""))) {
            bill = files.filter(file -> file.toString().endsWith(".cdx.json"))
                    .findFirst()
                    .orElseThrow();
        }
        Set<String> named = ConfigFactory.parseFile(bill.toFile()).getConfigList("components").stream()
                .map(component -> component.getString("name") + "-" + component.getString("version"))
                .collect(Collectors.toSet());

        List<String> jars;
        try (Stream<Path> files = Files.list(AgentProcess.packaged("lib"))) {
            jars = files.map(file -> String.valueOf(file.getFileName()))
                    .filter(name -> name.endsWith(".jar"))
                    .toList();
        }
        assertThat(jars)
                .hasSizeGreaterThan(10)
                .allSatisfy(jar -> assertThat(named)
                        .anySatisfy(component -> assertThat(jar)
                                .matches(component.replaceAll("^(tunnel-(client|server))-.*", "$1")
                                        + "(-[a-z0-9_-]+)?\\.jar")));
        assertThat(named)
                .allSatisfy(component -> assertThat(jars)
                        .anySatisfy(jar -> assertThat(jar)
                                .startsWith(component.replaceAll("^(tunnel-(client|server))-.*", "$1"))));
    }

    // ---- the .deb

    /** Skips the test where there is no dpkg, and prints what has not been verified then. */
    private static String deb(String option, String... arguments) throws IOException {
        Programs.require("/usr/bin/dpkg-deb", "PackageTest: what is in the .deb");
        List<String> command = new ArrayList<>(List.of("dpkg-deb", option));
        try (Stream<Path> files = Files.list(AgentProcess.source("dist/target"))) {
            files.filter(file -> file.toString().endsWith("_all.deb")).forEach(file -> command.add(file.toString()));
        }
        command.addAll(Arrays.asList(arguments));
        return Programs.run(new ProcessBuilder(command)).expect(0).output();
    }

    @Test
    void theDebHasEverythingInItsPlaceWithItsPermissions() throws IOException {
        assertThat(deb("--contents")
                        .lines()
                        .map(line -> line.replaceFirst(" root/root +\\d+ \\S+ \\S+ \\.", " "))
                        .toList())
                .allMatch(line ->
                        line.matches("drwxr-xr-x /.*|-rw-r--r-- /.*|-rwxr-xr-x /usr/lib/culvert/bin/.*|l\\S+ /.*"))
                .contains(
                        "-rwxr-xr-x /usr/lib/culvert/bin/archive-classes",
                        "-rwxr-xr-x /usr/lib/culvert/bin/tunnel-client",
                        "-rwxr-xr-x /usr/lib/culvert/bin/tunnel-server",
                        "-rw-r--r-- /usr/lib/culvert/lib/tunnel-client.jar",
                        "-rw-r--r-- /usr/lib/culvert/lib/jvm.options",
                        "-rw-r--r-- /etc/culvert/client.conf",
                        "-rw-r--r-- /etc/culvert/server.conf",
                        "-rw-r--r-- /lib/systemd/system/tunnel-client.service",
                        "-rw-r--r-- /lib/systemd/system/tunnel-client@.service",
                        "-rw-r--r-- /lib/systemd/system/tunnel-server.service",
                        "-rw-r--r-- /lib/systemd/system/tunnel-server@.service",
                        "-rw-r--r-- /lib/systemd/system/tunnel-server.socket",
                        "-rw-r--r-- /usr/share/man/man1/tunnel-client.1.gz",
                        "-rw-r--r-- /usr/share/man/man1/tunnel-server.1.gz",
                        "-rw-r--r-- /usr/share/man/man5/culvert.conf.5.gz",
                        "-rw-r--r-- /usr/share/bash-completion/completions/tunnel-client",
                        "-rw-r--r-- /usr/share/bash-completion/completions/tunnel-server",
                        "-rw-r--r-- /usr/share/doc/culvert/README.md",
                        "-rw-r--r-- /usr/share/doc/culvert/CONTRIBUTING.md",
                        "-rw-r--r-- /usr/share/doc/culvert/Dockerfile",
                        "-rw-r--r-- /usr/share/doc/culvert/docs/configuration.md",
                        "-rw-r--r-- /usr/share/doc/culvert/copyright",
                        "-rw-r--r-- /usr/share/doc/culvert/changelog.gz")
                .anyMatch(line -> line.matches("l\\S+ /usr/bin/tunnel-client -> \\.\\./lib/culvert/bin/tunnel-client"))
                .anyMatch(line -> line.matches("l\\S+ /usr/bin/tunnel-server -> \\.\\./lib/culvert/bin/tunnel-server"));
    }

    @Test
    void theDebRunsWhereverThereIsAJava17AndKeepsWhatPeopleHaveConfigured() throws IOException {
        assertThat(deb("--field").lines())
                .contains(
                        "Package: culvert",
                        "Architecture: all", // netty's natives are there for each architecture that has any
                        "Depends: default-jre-headless (>= 2:1.17) | java17-runtime-headless");
        assertThat(deb("--info", "conffiles").lines())
                .containsExactly("/etc/culvert/client.conf", "/etc/culvert/server.conf");
        assertThat(deb("--info", "triggers").lines())
                .as("when Java changes, so do the archives")
                .containsExactly("interest-noawait /usr/lib/jvm");
    }

    @Test
    void theUnitsOfTheDebNameWhereItPutsTheAgents() throws IOException {
        deb("--extract", directory.toString());
        try (Stream<Path> units = Files.list(directory.resolve("lib/systemd/system"))) {
            assertThat(units.filter(unit -> unit.toString().endsWith(".service"))
                            .toList())
                    .hasSize(4)
                    .allSatisfy(unit -> assertThat(unit)
                            .content()
                            .contains(
                                    "ExecStart=/usr/lib/culvert/bin/tunnel-", "ExecReload=/usr/lib/culvert/bin/tunnel-")
                            .doesNotContain("/opt/"));
        }
        Programs.run(directory.resolve("usr/bin/tunnel-client").toString(), "--version")
                .expect(0);
    }

    @ParameterizedTest
    @ValueSource(strings = {"postinst", "prerm", "postrm"})
    void theScriptsOfTheDebAreForEveryPosixShell(String script) {
        Programs.run(
                        "sh",
                        "-n",
                        AgentProcess.source("dist/src/deb/control/" + script).toString())
                .expect(0);
    }

    // ---- pages and completions

    /** The options and commands that {@code --help} shows. */
    private static Set<String> shown(String program) {
        String help = launch(program, "--help").expect(0).output();
        Set<String> words = new TreeSet<>();
        Pattern.compile("(?m)^  (?:(-\\w), )?(--?\\w[\\w-]*)")
                .matcher(help)
                .results()
                .forEach(option -> Stream.of(option.group(1), option.group(2))
                        .filter(name -> name != null)
                        .forEach(words::add));
        String commands = help.replaceAll("(?s).*\nCommands:\n", "").replaceAll("(?s)\n\n.*", "");
        results(commands, "(?m)^  (\\w[\\w-]*) ")
                .map(command -> command.group(1))
                .forEach(words::add);
        assertThat(words).contains("-c", "--config", "check");
        return words;
    }

    private static Programs.Result launch(String program, String... arguments) {
        return Programs.run(Launcher.command(program, arguments));
    }

    /** Made of the commands at the build. */
    private static Path completions(String program) {
        return AgentProcess.packaged("share/bash-completion/completions/" + program);
    }

    private static Stream<MatchResult> results(String text, String regex) {
        return Pattern.compile(regex).matcher(text).results();
    }

    @ParameterizedTest
    @ValueSource(strings = {"tunnel-client", "tunnel-server"})
    void thePageHasEveryCommandAndOptionAndNoOther(String program) throws IOException {
        String page = Files.readString(AgentProcess.source("dist/src/man/" + program + ".1"));
        Set<String> described = new TreeSet<>();
        // .It Fl c , Fl -config ...; options of one command may stand in a list within its text
        results(page, "(?m)^\\.It (.*)$")
                .flatMap(item -> results(item.group(1), "\\bFl (-?\\w[\\w-]*)"))
                .forEach(option -> described.add("-" + option.group(1)));
        results(page, "(?m)^\\.It Cm (\\w[\\w-]*)").forEach(command -> described.add(command.group(1)));
        Set<String> shown = shown(program);
        // Those of each command; --help is one only where a command says so.
        results(Files.readString(completions(program)), "'(--?\\w[\\w-]*)'")
                .forEach(option -> shown.add(option.group(1)));

        assertThat(described).isEqualTo(shown);
    }

    @ParameterizedTest
    @ValueSource(strings = {"tunnel-client.1", "tunnel-server.1", "culvert.conf.5"})
    void manReadsThePageWithoutAWarning(String page) {
        Programs.require("/usr/bin/man", "PackageTest: whether man(1) reads " + page);
        ProcessBuilder man = new ProcessBuilder(
                "man",
                "--warnings",
                "-E",
                "UTF-8",
                "-l",
                AgentProcess.source("dist/src/man/" + page).toString());
        man.environment().put("MANWIDTH", "80");

        assertThat(Programs.run(man).expect(0).output())
                .contains("NAME", "SEE ALSO")
                .doesNotContain("warning:", "mdoc:");
    }

    @ParameterizedTest
    @ValueSource(strings = {"tunnel-client", "tunnel-server"})
    void bashCompletesCommandsAndOptions(String program) {
        Set<String> completed = new TreeSet<>();
        for (String word : List.of("-", "")) {
            completed.addAll(Programs.run(
                            "bash",
                            "-c",
                            "compopt() { :; }; . \"$1\"; COMP_WORDS=(\"$2\" \"$3\"); COMP_CWORD=1; _complete_$2; printf '%s\\n' \"${COMPREPLY[@]}\"",
                            "bash",
                            completions(program).toString(),
                            program,
                            word)
                    .expect(0)
                    .output()
                    .lines()
                    .toList());
        }

        assertThat(completed).isEqualTo(shown(program));
    }
}
