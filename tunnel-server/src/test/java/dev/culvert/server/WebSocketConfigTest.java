package dev.culvert.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.common.net.AddressSet;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class WebSocketConfigTest {
    private static final WebSocketConfig CONFIG = new WebSocketConfig(
            "/tunnel",
            AddressSet.of(List.of(
                    AddressSet.parse("127.0.0.0/8"), AddressSet.parse("10.0.0.0/8"), AddressSet.parse("fd00::/8"))));

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "127.0.0.1    |                              | 127.0.0.1:5",
                "127.0.0.1    | 203.0.113.7                  | 203.0.113.7:0",
                "127.0.0.1    | 198.51.100.1, 203.0.113.7    | 203.0.113.7:0",
                "127.0.0.1    | 203.0.113.7, 10.0.0.2        | 203.0.113.7:0",
                "127.0.0.1    | 203.0.113.7:50000            | 203.0.113.7:0",
                "127.0.0.1    | [2001:db8::1]:50000          | [2001:db8::1]:0",
                "127.0.0.1    | 2001:db8::1                  | [2001:db8::1]:0",
                "127.0.0.1    | nonsense                     | 127.0.0.1:5",
                "127.0.0.1    | 203.0.113.7, [, 10.0.0.2     | 10.0.0.2:0",
                "fd00::1      | 203.0.113.7                  | 203.0.113.7:0",
                "192.0.2.9    | 203.0.113.7                  | 192.0.2.9:5",
            })
    void theLastWhoIsNotTrustedIsTheClient(String peer, String header, String client) throws UnknownHostException {
        List<String> headers = header == null ? List.of() : List.of("9.9.9.9", header);

        assertThat(CONFIG.client(new InetSocketAddress(InetAddress.getByName(peer), 5), headers))
                .hasToString(header != null && header.equals("nonsense") ? "127.0.0.1:5" : client);
    }
}
