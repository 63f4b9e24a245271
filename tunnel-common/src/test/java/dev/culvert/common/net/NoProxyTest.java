package dev.culvert.common.net;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.mux.HostPort;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NoProxyTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "example.com          | example.com:7443       | true",
                "example.com          | EXAMPLE.com.:7443      | true",
                "example.com          | a.b.example.com:7443   | true",
                "example.com          | notexample.com:7443    | false",
                ".example.com         | a.example.com:7443     | true",
                ".example.com         | example.com:7443       | false",
                "*.example.com        | a.example.com:7443     | true",
                "*.example.com        | example.com:7443       | false",
                "example.com:7443     | example.com:7443       | true",
                "example.com:7443     | a.example.com:7443     | true",
                "example.com:7443     | example.com:443        | false",
                "*                    | any.thing:1            | true",
                "10.0.0.1             | 10.0.0.1:1             | true",
                "10.0.0.1             | 10.0.0.2:1             | false",
                "10.0.0.1:2           | 10.0.0.1:1             | false",
                "10.0.0.0/8           | 10.9.9.9:1             | true",
                "10.0.0.0/8           | 11.9.9.9:1             | false",
                "10.0.0.0/8           | ten.example.com:1      | false",
                "2001:db8::1          | [2001:db8::1]:1        | true",
                "[2001:db8::1]        | [2001:db8::1]:1        | true",
                "[2001:db8::1]:2      | [2001:db8::1]:1        | false",
                "2001:db8::/32        | [2001:db8:9::1]:1      | true",
                "a.com, b.com c.com   | b.com:1                | true",
                "a.com, b.com c.com   | c.com:1                | true",
                "a.com, b.com c.com   | d.com:1                | false",
                "10.0.0.0/99,,:,[,b   | b:1                    | true",
                "10.0.0.0/99,,:,[,b   | 10.0.0.1:1             | false",
            })
    void coversWhatGoDoes(String list, String target, boolean covered) {
        assertThat(NoProxy.parse(list).covers(HostPort.parse(target))).isEqualTo(covered);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"localhost:1", "LOCALHOST:1", "127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"})
    void loopbackIsCoveredByTheEmptyList(String target) {
        assertThat(NoProxy.parse("").covers(HostPort.parse(target))).isTrue();
    }

    @Test
    void nothingElseIs() {
        assertThat(NoProxy.parse("").covers(HostPort.parse("example.com:1"))).isFalse();
        assertThat(NoProxy.NONE.covers(HostPort.parse("127.0.0.1:1"))).isFalse();
    }
}
