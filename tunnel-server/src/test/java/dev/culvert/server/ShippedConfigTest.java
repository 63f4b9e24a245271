package dev.culvert.server;

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

/** The server.conf that is shipped, its reference and the code say the same. */
class ShippedConfigTest {
    private static final Path SHIPPED = Path.of("..", "conf", "server.conf");
    private static final Path REFERENCE = Path.of("..", "docs", "configuration.md");

    /** A row of the reference: key, kind, default. */
    private static final Pattern ROW = Pattern.compile("(?m)^\\| `([^`]+)` \\| [^|]* \\| `?([^|`]*?)`? ?\\|");

    private static final String LOGGER = "\"dev.culvert.mux\"";

    @TempDir
    Path directory;

    private ServerConfig read(String text) throws Exception {
        return ServerConfig.read(Files.writeString(directory.resolve("server.conf"), text));
    }

    @BeforeAll
    static void makeKey() throws IOException {
        Identity.make(TlsConfig.defaultKey("server"), "test");
    }

    /** With the keys that have no default. */
    private static String withOthers(String text) {
        return text.replaceAll("(?m)^( *)#([a-z-]+) = ", "$1$2 = ")
                .replace("#websocket {", "websocket {")
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

    private static String withSmuxDefaults(String text) {
        return with("smux", text);
    }

    private static String withSmux(String text) {
        return withSmuxDefaults(text.replaceAll("(?m)^  #  (?!listen|target).*\n", ""));
    }

    @Test
    void itIsValidAsItStands() throws Exception {
        assertThat(ServerConfig.read(SHIPPED).describe())
                .startsWith("listen   127.0.0.1:7443, TLS 1.3, own key SHA256:")
                .contains("\nclient   laptop, SHA256:", ", may dial 127.0.0.1:8000\n");
    }

    @Test
    void itLetsTheShippedClientIn() throws Exception {
        String client = Files.readString(Path.of("..", "conf", "client.conf"));
        ServerConfig server = ServerConfig.read(SHIPPED);
        assertThat(client).contains("servers = [\"" + server.listen().orElseThrow() + "\"]");
        assertThat(client).contains("target = \"" + server.clients().get(0).allow() + "\"");
    }

    @Test
    void itsCommentedValuesAreTheDefaults() throws Exception {
        String shipped = Files.readString(SHIPPED);
        assertThat(read(withDefaults(shipped))).isEqualTo(read(shipped));
    }

    @Test
    void itsCommentedValuesForSmuxPeersAreTheDefaults() throws Exception {
        String shipped = Files.readString(SHIPPED);
        assertThat(read(withSmuxDefaults(shipped))).isEqualTo(read(withSmux(shipped)));
        assertThat(read(withSmux(shipped)).smux()).hasSize(1);
    }

    @Test
    void itsCommentedValuesForListenersAreTheDefaults() throws Exception {
        String shipped = Files.readString(SHIPPED);
        String least = shipped.replace("\nlisteners {\n", "\nlisteners {\n web.listen = \"127.0.0.1:8080\"\n");
        assertThat(read(with("listeners", shipped))).isEqualTo(read(least));
    }

    @Test
    void itHasTheKeysAndDefaultsOfTheReference() throws Exception {
        String reference = Files.readString(REFERENCE).replaceAll("(?s)## tunnel-client.*?(?=## tunnel-server)", "");
        Map<String, String> documented = ROW.matcher(reference)
                .results()
                .collect(toMap(
                        row -> row.group(1)
                                .replace("clients.NAME", "clients.laptop")
                                .replace("listeners.NAME", "listeners.web")
                                .replace("NAME", "legacy")
                                .replace("LOGGER", LOGGER),
                        row -> row.group(2)));
        Map<String, String> shipped = ConfigFactory.parseString(
                        withOthers(with("listeners", withSmuxDefaults(withDefaults(Files.readString(SHIPPED))))))
                .entrySet()
                .stream()
                .collect(toMap(
                        Map.Entry::getKey, entry -> entry.getValue().unwrapped().toString()));
        assertThat(shipped.keySet()).isEqualTo(documented.keySet());
        documented.values().removeIf(value -> value.isEmpty() || value.equals("none"));
        assertThat(shipped).containsAllEntriesOf(documented);
    }
}
