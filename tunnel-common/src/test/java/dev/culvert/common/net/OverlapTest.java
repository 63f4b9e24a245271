package dev.culvert.common.net;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.mux.Address;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class OverlapTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "127.0.0.1:80   | 127.0.0.1:80    | true",
                "127.0.0.1:80   | 127.0.0.1:81    | false",
                "127.0.0.1:80   | 127.0.0.2:80    | false",
                "0.0.0.0:80     | 127.0.0.1:80    | true",
                "0.0.0.0:80     | 127.0.0.1:81    | false",
                "[::]:80        | [::1]:80        | true",
                "[::]:80        | 127.0.0.1:80    | true",
                "[::]:80        | 0.0.0.0:80      | true",
                "0.0.0.0:80     | [::1]:80        | false",
                "localhost:80   | 127.0.0.1:80    | true",
                "[::1]:80       | [0:0:0::1]:80   | true",
                "[fe80::1%a]:80 | [fe80::1%b]:80  | false",
                "db.internal:80 | 10.0.0.1:80     | false",
                "unix:/run/a    | unix:/run/a     | true",
                "unix:/run/a    | unix:/run/b     | false",
                "unix:/run/a    | 0.0.0.0:80      | false"
            })
    void twoSocketsCannotHaveAnAddressOrAllAndOneOfThem(String one, String other, boolean overlap) {
        assertThat(Overlap.of(Address.parse(one), Address.parse(other))).isEqualTo(overlap);
        assertThat(Overlap.of(Address.parse(other), Address.parse(one))).isEqualTo(overlap);
    }
}
