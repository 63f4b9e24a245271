package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetSocketAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HostPortTest {
    @ParameterizedTest
    @CsvSource({
        "db:5432, db, 5432",
        "192.0.2.1:0, 192.0.2.1, 0",
        "[2001:db8::1]:443, 2001:db8::1, 443",
        "[fe80::1%://]:1, fe80::1%://, 1"
    })
    void itReadsAndWritesTheUsualForms(String text, String host, int port) {
        assertThat(HostPort.parse(text)).isEqualTo(new HostPort(host, port)).hasToString(text);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "db",
                "db:",
                ":80",
                "::1:80",
                "a:b:80",
                "[]:80",
                "[[::1]]:80",
                "[[db]]:80",
                "db]:80",
                "db:port",
                "db:65536",
                "db:-1",
                "db:+80",
                "db:٨٠",
                "db:000080",
                "[db]:80",
                "a b:80",
                "bücher:80"
            })
    void whatIsNoneOfThemIsRejected(String text) {
        assertThatThrownBy(() -> HostPort.parse(text)).isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "a:b", "[::1]", "a\u0000b", "a\u007fb"})
    void aHostIsANameOrAnAddressWithoutBrackets(String host) {
        assertThatThrownBy(() -> new HostPort(host, 80)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void aSocketAddressIsNotResolved() {
        assertThat(HostPort.of(InetSocketAddress.createUnresolved("db.internal", 1)))
                .hasToString("db.internal:1");
        assertThat(HostPort.of(new InetSocketAddress("2001:db8::1", 2))).hasToString("[2001:db8::1]:2");
    }
}
