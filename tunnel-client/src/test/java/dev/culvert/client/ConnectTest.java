package dev.culvert.client;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConnectTest {
    /** For ssh, which puts whatever its host is in the place of %h. */
    @ParameterizedTest
    @CsvSource({
        "[::1]:22, [::1]:22",
        "[192.0.2.1]:22, 192.0.2.1:22",
        "[host.example]:22, host.example:22",
        "host.example:22, host.example:22",
        "unix:/run/app.sock, unix:/run/app.sock"
    })
    void anyHostMayBeInBrackets(String text, String target) {
        assertThat(Connect.target(text)).hasToString(target);
    }
}
