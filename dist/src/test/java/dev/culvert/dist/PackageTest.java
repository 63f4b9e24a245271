package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What is in the package. */
final class PackageTest {
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
}
