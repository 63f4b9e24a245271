package dev.culvert.common.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.culvert.mux.HostPort;
import java.net.InetSocketAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AllowRuleTest {
    @ParameterizedTest(name = "{0} matches {1}")
    @CsvSource({
        "db.internal:5432, db.internal:5432",
        "db.internal:5432, DB.Internal:5432",
        "db.internal:5432, db.internal.:5432",
        "DB.internal.:5432, db.internal:5432",
        "*.internal:443, web.internal:443",
        "*.internal:443, a.b.internal.:443",
        "*.INTERNAL:443, web.internal:443",
        "*:443, web.internal:443",
        "*:443, 192.0.2.1:443",
        "*:443, [2001:db8::1]:443",
        "db.internal:8000-8100, db.internal:8000",
        "db.internal:8000-8100, db.internal:8100",
        "db.internal:*, db.internal:1",
        "db.internal:*, db.internal:65535",
        "_srv_1.x-y:1, _srv_1.x-y:1",
    })
    void aNameRuleMatchesTheRequest(String rule, String requested) {
        assertThat(AllowRule.parse(rule).matchesName(HostPort.parse(requested))).isTrue();
    }

    @ParameterizedTest(name = "{0} does not match {1}")
    @CsvSource({
        "db.internal:5432, db.internal:5433",
        "db.internal:5432, db.internal.example:5432",
        "db.internal:5432, my.db.internal:5432",
        "*.internal:443, internal:443",
        "*.internal:443, .internal:443",
        "*.internal:443, webinternal:443",
        "*.internal:443, web.internal.example:443",
        "*:443, web.internal:80",
        "db.internal:8000-8100, db.internal:7999",
        "db.internal:8000-8100, db.internal:8101",
        "db.internal:*, db.internal:0",
        "192.0.2.1:443, 192.0.2.1:443",
        "192.0.2.0/24:443, 192.0.2.1:443",
    })
    void aNameRuleDoesNotMatchAnotherRequest(String rule, String requested) {
        assertThat(AllowRule.parse(rule).matchesName(HostPort.parse(requested))).isFalse();
    }

    @ParameterizedTest(name = "{0} covers {1} port {2}")
    @CsvSource({
        "127.0.0.1:80, 127.0.0.1, 80",
        "10.0.0.0/8:443, 10.0.0.0, 443",
        "10.0.0.0/8:443, 10.255.255.255, 443",
        "10.0.0.0/8:443, ::ffff:10.1.2.3, 443",
        "192.0.2.128/25:443, 192.0.2.128, 443",
        "0.0.0.0/0:*, 203.0.113.9, 1",
        "[::1]:80, ::1, 80",
        "[::ffff:192.0.2.1]:80, 192.0.2.1, 80",
        "[2001:db8::/32]:443, 2001:db8:ffff::1, 443",
        "[2001:db8::/33]:443, 2001:db8:7fff::1, 443",
        "[::/0]:443, 2001:db8::1, 443",
    })
    void anAddressRuleCoversItsNetwork(String rule, String address, int port) {
        assertThat(AllowRule.parse(rule).matchesAddress(new InetSocketAddress(address, port)))
                .isTrue();
    }

    @ParameterizedTest(name = "{0} does not cover {1} port {2}")
    @CsvSource({
        "127.0.0.1:80, 127.0.0.2, 80",
        "127.0.0.1:80, 127.0.0.1, 81",
        "10.0.0.0/8:443, 11.0.0.0, 443",
        "192.0.2.128/25:443, 192.0.2.127, 443",
        "0.0.0.0/0:443, 2001:db8::1, 443",
        "[::/0]:443, 192.0.2.1, 443",
        "[::/0]:443, ::ffff:192.0.2.1, 443",
        "[2001:db8::/33]:443, 2001:db8:8000::1, 443",
        "*:443, 192.0.2.1, 443",
        "db.internal:443, 192.0.2.1, 443",
    })
    void anAddressRuleDoesNotCoverAnythingElse(String rule, String address, int port) {
        assertThat(AllowRule.parse(rule).matchesAddress(new InetSocketAddress(address, port)))
                .isFalse();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "db.internal",
                "db.internal:",
                ":443",
                "db.internal:0",
                "db.internal:65536",
                "db.internal:8100-8000",
                "db.internal:8000-",
                "db.internal:http",
                "db.internal:-1",
                "db internal:443",
                "db..internal:443",
                "http://db.internal:443",
                "*internal:443",
                "db.*:443",
                "*.*.internal:443",
                "*.:443",
                "10.0.0.256:443",
                "10.0.0:443",
                "10.0.0.0/33:443",
                "10.0.0.0/:443",
                "10.0.0.0/x:443",
                "10.0.0.1/8:443",
                "10.0.0.0/8/8:443",
                "internal/8:443",
                "2001:db8::1:443",
                "[2001:db8::1]",
                "[2001:db8::/129]:443",
                "[2001:db8::1/32]:443",
                "[db.internal]:443",
                "[::1:443",
            })
    void anythingElseIsRefusedWithASentenceOnWhatIsExpected(String text) {
        assertThatThrownBy(() -> AllowRule.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("'" + text + "' is not an allow rule: ")
                .hasMessageContaining("expected HOST:PORTS");
    }

    @Test
    void aNetworkWithHostBitsIsRefusedForThem() {
        assertThatThrownBy(() -> AllowRule.parse("10.0.0.1/8:443"))
                .hasMessageContaining("the address has bits set behind its first 8");
    }

    @ParameterizedTest
    @ValueSource(strings = {"DB.internal.:5432", "[2001:db8::/32]:8000-8100", "*:*", "*.internal:443"})
    void itsTextIsGivenBack(String text) {
        assertThat(AllowRule.parse(text)).hasToString(text);
    }

    @Test
    void rulesThatCoverTheSameAreEqual() {
        assertThat(AllowRule.parse("DB.internal.:*"))
                .isEqualTo(AllowRule.parse("db.internal:1-65535"))
                .hasSameHashCodeAs(AllowRule.parse("db.internal:1-65535"));
    }
}
