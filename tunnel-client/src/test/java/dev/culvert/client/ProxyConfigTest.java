package dev.culvert.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.culvert.common.config.BadConfig;
import dev.culvert.common.config.ConfigFile;
import dev.culvert.common.net.Proxy;
import dev.culvert.mux.HostPort;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ProxyConfigTest {
    private static final HostPort NEAR = new HostPort("127.0.0.1", 7443);
    private static final HostPort FAR = new HostPort("tunnel.example.com", 7443);

    @TempDir
    Path directory;

    private ProxyConfig read(String text, Map<String, String> environment, HostPort... servers) throws Exception {
        Path file = Files.writeString(directory.resolve("client.conf"), text);
        return ConfigFile.read(file, top -> ProxyConfig.read(top, environment, List.of(servers)));
    }

    private String passwordFile(String text, String mode) throws IOException {
        Path file = Files.writeString(directory.resolve("proxy.password"), text);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(mode));
        return "proxy-password-file = proxy.password\n";
    }

    private static String url(Optional<Proxy> proxy) {
        return proxy.map(Proxy::toString).orElse("none");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "                                          | none",
                "HTTPS_PROXY=http://a:1                    | http://a:1",
                "HTTPS_PROXY=http://a:1,https_proxy=b:2    | http://b:2",
                "https_proxy=,HTTPS_PROXY=http://a:1       | http://a:1",
                "all_proxy=socks5://a:1                    | socks5://a:1",
                "ALL_PROXY=socks5h://a:1                   | socks5://a:1",
                "ALL_PROXY=http://a:1,HTTPS_PROXY=b:2      | http://b:2",
                "http_proxy=http://a:1                     | none",
                "HTTPS_PROXY=a:1,NO_PROXY=example.com      | none",
                "HTTPS_PROXY=a:1,NO_PROXY=x,no_proxy=*     | none",
                "HTTPS_PROXY=a:1,NO_PROXY=other.com        | http://a:1",
            })
    void theEnvironmentCountsByDefault(String variables, String expected) throws Exception {
        Map<String, String> environment = new HashMap<>();
        if (variables != null) {
            for (String variable : variables.split(",", -1)) {
                String[] words = variable.split("=", 2);
                environment.put(words[0], words[1]);
            }
        }
        ProxyConfig config = read("", environment, NEAR, FAR);

        assertThat(url(config.to(FAR))).isEqualTo(expected);
        assertThat(url(config.to(NEAR))).isEqualTo("none");
    }

    @Test
    void offIsOff() throws Exception {
        assertThat(read("proxy = off", Map.of("HTTPS_PROXY", "http://a:1"), FAR).to(FAR))
                .isEmpty();
    }

    @Test
    void aUrlIsForAllServersWhateverTheEnvironmentSays() throws Exception {
        ProxyConfig config =
                read("proxy = \"http://a:1\"", Map.of("NO_PROXY", "*", "HTTPS_PROXY", "nonsense://"), NEAR, FAR);

        assertThat(url(config.to(NEAR)) + url(config.to(FAR))).isEqualTo("http://a:1http://a:1");
    }

    @ParameterizedTest
    @ValueSource(strings = {"http", "socks5"})
    void thePasswordMayStandInAFile(String scheme) throws Exception {
        ProxyConfig config =
                read("proxy = \"" + scheme + "://me@a:1\"\n" + passwordFile("secret\n", "rw-------"), Map.of(), FAR);

        assertThat(config.to(FAR).orElseThrow().login()).isEqualTo(Optional.of(new Proxy.Login("me", "secret")));
        assertThat(config.toString()).doesNotContain("secret");
    }

    @Test
    void whatIsWrongWithTheFileIsSaid() throws Exception {
        String file = passwordFile("secret", "rw-r--r--");

        assertThatThrownBy(() -> read("proxy = \"http://me@a:1\"\n" + file, Map.of(), FAR))
                .isInstanceOf(BadConfig.class)
                .hasMessageContaining(
                        "proxy.password can be read or written by others (rw-r--r--); it holds a password: chmod 600");
        assertThatThrownBy(() -> read("proxy = \"http://a:1\"\n" + file, Map.of(), FAR))
                .hasMessageContaining("2: proxy-password-file: is for a proxy with a user and without a password");
        assertThatThrownBy(() -> read(file, Map.of(), FAR))
                .hasMessageContaining("goes with the URL of a proxy, and upstream.proxy is environment");
        assertThatThrownBy(() -> read("proxy = \"http://me@a:1\", proxy-password-file = none", Map.of(), FAR))
                .hasMessageContaining("none: no such file");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"https://me:secret@a:1", "http://me:secret@a:b", "me:secret", "socks5://m%C3%A9:secret@a:1"})
    void aBadUrlIsRefusedWithoutThePassword(String url) {
        assertThatThrownBy(() -> read("proxy = \"" + url + '"', Map.of(), FAR))
                .isInstanceOf(BadConfig.class)
                .hasMessageContaining("1: proxy: found no URL of a proxy: ")
                .hasMessageContaining("; expected environment, off, or http://HOST:PORT or socks5://HOST:PORT")
                .hasMessageNotContaining("secret");
    }

    @Test
    void aBadOneInTheEnvironmentIsAnErrorWhereItWouldBeUsed() throws Exception {
        Map<String, String> environment = Map.of("https_proxy", "https://me:secret@a:1");

        assertThatThrownBy(() -> read("", environment, NEAR, FAR))
                .hasMessageContaining(
                        "proxy: https_proxy in the environment is no URL of a proxy: TLS to a proxy is not")
                .hasMessageContaining("; correct it, or set upstream.proxy = off")
                .hasMessageNotContaining("secret");
        assertThat(read("", environment, NEAR).to(NEAR)).isEmpty();
    }
}
