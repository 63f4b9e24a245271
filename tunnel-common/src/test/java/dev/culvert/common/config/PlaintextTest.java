package dev.culvert.common.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.culvert.mux.HostPort;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PlaintextTest {
    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1:1", "127.255.0.9:1", "[::1]:1", "localhost:1", "LOCALHOST:1"})
    void loopbackIsThisMachine(String text) {
        assertThat(Plaintext.address(Kind.hostPort(), false, "upstream.insecure")
                        .parse(text))
                .isEqualTo(HostPort.parse(text));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"0.0.0.0:1", "128.0.0.1:1", "[::]:1", "localhost.example.com:1", "127.0.0.1.nip.io:1", "127.1:1"
            })
    void everythingElseIsNot(String text) {
        assertThatThrownBy(() -> Plaintext.address(Kind.hostPort(), false, "upstream.insecure")
                        .parse(text))
                .hasMessage(", which is not a loopback address, and without encryption anybody on the way can read and"
                        + " change the traffic; remove tls = off, use 127.0.0.1, [::1] or localhost, or accept the risk with"
                        + " upstream.insecure = true");
    }

    @Test
    void whoAcceptsTheRiskMayGoAnywhere() {
        assertThat(Plaintext.address(Kind.hostPort(), true, "upstream.insecure").parse("0.0.0.0:1"))
                .isEqualTo(new HostPort("0.0.0.0", 1));
    }
}
