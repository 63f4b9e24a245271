package dev.culvert.common.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.culvert.mux.HostPort;
import io.netty.util.NetUtil;
import java.net.InetAddress;
import java.net.UnknownHostException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ListenRuleTest {
    @ParameterizedTest
    @CsvSource({
        "127.0.0.1:9000, 127.0.0.1:9000, true",
        "127.0.0.1:9000-9100, 127.0.0.1:9100, true",
        "127.0.0.1:9000-9100, 127.0.0.1:9101, false",
        "127.0.0.1:*, 127.0.0.1:1, true",
        "127.0.0.1:9000, 127.0.0.2:9000, false",
        "127.0.0.1:9000, 0.0.0.0:9000, false",
        "0.0.0.0:9000, 127.0.0.1:9000, false",
        "0.0.0.0:9000, [::]:9000, false",
        "*:9000, 0.0.0.0:9000, true",
        "*:9000, [::]:9000, true",
        "*:9000, localhost:9000, false",
        "*:*, 127.0.0.1:0, false",
        "[::1]:9000, [0:0:0:0:0:0:0:1]:9000, true",
        "127.0.0.1:9000, [::ffff:127.0.0.1]:9000, true"
    })
    void covers(String rule, String asked, boolean covered) {
        assertThat(ListenRule.parse(rule).covers(HostPort.parse(asked))).isEqualTo(covered);
        assertThat(ListenRule.parse(rule)).hasToString(rule);
    }

    /** As a rule reads it and as the JDK does, who binds it. */
    @ParameterizedTest
    @CsvSource({
        "127.0.0.1:9000, 127.0.0.1:9000",
        "[::0.0.0.0]:9000, 0.0.0.0:9000",
        "[::127.0.0.1]:9000, 127.0.0.1:9000",
        "[::ffff:127.0.0.1]:9000, 127.0.0.1:9000",
        "[0:0:0:0:0:0:0:0]:9000, [::]:9000",
        "[fe80:0::1%1]:9000, [fe80::1%1]:9000",
        "localhost:9000, localhost:9000"
    })
    void anAddressHasOneSpellingThatAllReadAlike(String asked, String normal) throws UnknownHostException {
        HostPort place = ListenRule.normal(HostPort.parse(asked));

        assertThat(place).hasToString(normal);
        InetAddress literal = NetUtil.createInetAddressFromIpAddressString(
                HostPort.parse(asked).host());
        if (literal != null) {
            assertThat(InetAddress.getByName(place.host()).getAddress())
                    .isEqualTo(Network.plain(literal).getAddress());
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"127.0.0.1", "localhost:80", "127.0.0.1:0", "127.0.0.1:2-1", "::1:80", "10.0.0.0/8:80", ":80"})
    void whatIsNoneIsRefused(String text) {
        assertThatThrownBy(() -> ListenRule.parse(text)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void anIpv6AddressIsInBrackets() {
        assertThatThrownBy(() -> ListenRule.parse("::1:80")).hasMessageContaining("in brackets, as in [::1]:9000");
    }
}
