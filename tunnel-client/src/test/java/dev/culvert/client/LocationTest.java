package dev.culvert.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LocationTest {
    @ParameterizedTest
    @CsvSource({
        "tunnel.example.com:7443, tunnel.example.com:7443, tunnel.example.com:7443",
        "wss://tunnel.example.com/tunnel, wss://tunnel.example.com/tunnel, tunnel.example.com:443",
        "WSS://tunnel.example.com:443/a?b=c, wss://tunnel.example.com/a?b=c, tunnel.example.com:443",
        "wss://tunnel.example.com:8443, wss://tunnel.example.com:8443/, tunnel.example.com:8443",
        "ws://[::1]/tunnel, ws://[::1]/tunnel, [::1]:80",
        "ws://127.0.0.1:7443/tunnel, ws://127.0.0.1:7443/tunnel, 127.0.0.1:7443",
    })
    void isReadAndPrinted(String text, String printed, String address) {
        Location location = Location.parse(text);

        assertThat(location).hasToString(printed);
        assertThat(location.address()).hasToString(address);
        assertThat(Location.parse(printed)).isEqualTo(location);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "https://tunnel.example.com/",
                "wss://",
                "wss:///tunnel",
                "wss://me@tunnel.example.com/",
                "wss://a:99999/",
                "wss://a/#b",
                "wss://a b/",
                "nowhere"
            })
    void whatIsNoneIsRefused(String text) {
        assertThatIllegalArgumentException().isThrownBy(() -> Location.parse(text));
    }
}
