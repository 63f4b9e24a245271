package dev.culvert.client;

import static java.util.stream.Collectors.toMap;
import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import dev.culvert.common.config.TlsConfig;
import dev.culvert.common.tls.Identity;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The client.conf that is shipped, its reference and the code say the same. */
class ShippedConfigTest {
    private static final Path SHIPPED = Path.of("..", "conf", "client.conf");
    private static final Path REFERENCE = Path.of("..", "docs", "configuration.md");

    /** A row of the reference: key, kind, default. */
    private static final Pattern ROW = Pattern.compile("(?m)^\\| `([^`]+)` \\| [^|]* \\| `?([^|`]*?)`? ?\\|");

    private static final String LOGGER = "\"dev.culvert.mux\"";

    @TempDir
    Path directory;

    private ClientConfig read(String text) throws Exception {
        return ClientConfig.read(Files.writeString(directory.resolve("client.conf"), text));
    }

    @BeforeAll
    static void makeKey() throws IOException {
        Identity.make(TlsConfig.defaultKey("client"), "test");
    }

    /** With the keys that have no default. */
    private static String withOthers(String text) {
        return text.replaceAll("(?m)^( *)#([a-z-]+) = ", "$1$2 = ")
                .replace("#anonymous {", "anonymous {")
                .replace("#levels {", "levels {");
    }

    /** With a section whose only entry stands behind # signs. */
    private static String with(String section, String text) {
        int begin = text.indexOf("\n" + section + " {\n");
        int end = text.indexOf("\n}\n", begin);
        return text.substring(0, begin) + text.substring(begin, end).replaceAll("(?m)^  #", "  ") + text.substring(end);
    }

    private static String withDefaults(String text) {
        return text.replaceAll("(?m)^( *)# ([a-z-]+ = )", "$1$2");
    }

    /** Turned to a stock smux peer, as its comments say. */
    private static String forSmux(String text) {
        return text.replace("# protocol = culvert", "protocol = smux-v1").replaceAll("(?m)^ *target = .*", "");
    }

    private static String withSmuxDefaults(String text) {
        return text.replace("#smux {", "smux {");
    }

    @Test
    void itIsValidAsItStands() throws Exception {
        assertThat(ClientConfig.read(SHIPPED).describe())
                .startsWith("web  127.0.0.1:8080 -> 127.0.0.1:8000 via 127.0.0.1:7443\n");
    }

    @Test
    void itsCommentedValuesAreTheDefaults() throws Exception {
        String shipped = Files.readString(SHIPPED);
        assertThat(read(withDefaults(shipped))).isEqualTo(read(shipped));
    }

    @Test
    void itsCommentedValuesForSmuxPeersAreTheDefaults() throws Exception {
        String smux = forSmux(Files.readString(SHIPPED));
        assertThat(read(withSmuxDefaults(smux))).isEqualTo(read(smux));
    }

    @Test
    void itsCommentedValuesForWhatItOffersAreTheDefaults() throws Exception {
        String shipped = Files.readString(SHIPPED);
        String least = shipped.replace("\nreverse {\n", "\nreverse {\n web.target = \"127.0.0.1:3000\"\n");
        assertThat(read(with("reverse", shipped))).isEqualTo(read(least));
    }

    @Test
    void itHasTheKeysAndDefaultsOfTheReference() throws Exception {
        String reference = Files.readString(REFERENCE).replaceAll("(?s)## tunnel-server.*?(?=## Both agents)", "");
        Map<String, String> documented = ROW.matcher(reference)
                .results()
                .collect(toMap(
                        row -> row.group(1).replace("NAME", "web").replace("LOGGER", LOGGER), row -> row.group(2)));
        Map<String, String> shipped = ConfigFactory.parseString(
                        withOthers(withSmuxDefaults(withDefaults(with("reverse", Files.readString(SHIPPED))))))
                .entrySet()
                .stream()
                .collect(toMap(
                        Map.Entry::getKey, entry -> entry.getValue().unwrapped().toString()));
        assertThat(shipped.keySet()).isEqualTo(documented.keySet());
        documented.values().removeIf(value -> value.isEmpty() || value.equals("none"));
        assertThat(shipped).containsAllEntriesOf(documented);
    }
}
