package dev.culvert.common.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.culvert.mux.HostPort;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PlaintextTest {
    private static final String NO_TLS = "expected off: this version has no encryption yet;"
            + " write tls = off, on loopback addresses only or beside insecure = true";

    @TempDir
    Path directory;

    private List<String> errors(String text) {
        return new Text(directory, text).errors(section -> {
            Plaintext.confirm(section);
            return section;
        });
    }

    @Test
    void tls_off_has_to_be_written() {
        assertThat(errors("")).containsExactly("a.conf:1: tls: missing, " + NO_TLS);
    }

    @Test
    void tls_on_is_not_there_yet() {
        assertThat(errors("tls = on")).containsExactly("a.conf:1: tls: found \"on\", " + NO_TLS);
    }

    @Test
    void a_tls_section_is_not_there_yet() {
        assertThat(errors("tls { server-key = \"SHA256:abc\" }"))
                .containsExactly("a.conf:1: tls: found a section, " + NO_TLS);
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1:1", "127.255.0.9:1", "[::1]:1", "localhost:1", "LOCALHOST:1"})
    void loopback_is_this_machine(String text) {
        assertThat(Plaintext.address(Kind.hostPort(), false).parse(text)).isEqualTo(HostPort.parse(text));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"0.0.0.0:1", "128.0.0.1:1", "[::]:1", "localhost.example.com:1", "127.0.0.1.nip.io:1", "127.1:1"
            })
    void everything_else_is_not(String text) {
        assertThatThrownBy(() -> Plaintext.address(Kind.hostPort(), false).parse(text))
                .hasMessage(", which is not a loopback address, and without encryption anybody on the way can read and"
                        + " change the traffic; use 127.0.0.1, [::1] or localhost, or accept the risk with"
                        + " insecure = true");
    }

    @Test
    void who_accepts_the_risk_may_go_anywhere() {
        assertThat(Plaintext.address(Kind.hostPort(), true).parse("0.0.0.0:1")).isEqualTo(new HostPort("0.0.0.0", 1));
    }
}
