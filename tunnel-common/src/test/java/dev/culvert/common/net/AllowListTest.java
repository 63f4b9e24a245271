package dev.culvert.common.net;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.mux.HostPort;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AllowListTest {
    @ParameterizedTest(name = "{0}: {1} may be dialled at {2}")
    @CsvSource({
        "db.internal:80, db.internal:80, 10.0.0.5",
        "*.internal:80, db.internal:80, 10.0.0.5",
        "*:80, db.internal:80, 10.0.0.5",
        "*:80, 10.0.0.5:80, 10.0.0.5",
        "*:80, [2001:db8::1]:80, 2001:db8::1",
        "10.0.0.0/8:80, db.internal:80, 10.0.0.5",
        "10.0.0.0/8:80, 10.0.0.5:80, 10.0.0.5",
        "localhost:80, localhost:80, 127.0.0.1",
        "LocalHost:80, localhost.:80, ::1",
        "127.0.0.1:80, localhost:80, 127.0.0.1",
        "127.0.0.1:80, 127.0.0.1:80, 127.0.0.1",
        "127.0.0.0/8:*, db.internal:80, 127.0.0.9",
        "[::1]:80, [::1]:80, ::1",
        "169.254.169.254:80, 169.254.169.254:80, 169.254.169.254",
        "0.0.0.0/0:80, db.internal:80, 169.254.169.254",
        "[fe80::/10]:80, [fe80::1]:80, fe80::1",
    })
    void aRuleAllows(String rule, String requested, String address) {
        HostPort target = HostPort.parse(requested);

        assertThat(list(rule).allows(target, new InetSocketAddress(address, target.port())))
                .isTrue();
        assertThat(list(rule).mayMatch(target)).isTrue();
    }

    @Test
    void rulesForTcpAndForUdpCoverNothingOfEachOther() {
        HostPort target = new HostPort("10.0.0.53", 53);
        InetSocketAddress address = new InetSocketAddress("10.0.0.53", 53);
        AllowList tcp = list("10.0.0.0/8:53");
        AllowList udp = list("udp:10.0.0.0/8:53");

        assertThat(tcp.allows(target, address)).isTrue();
        assertThat(tcp.forDatagrams().mayMatch(target)).isFalse();
        assertThat(tcp.forDatagrams().allows(target, address)).isFalse();
        assertThat(udp.mayMatch(target)).isFalse();
        assertThat(udp.mayMatch(new HostPort("dns.internal", 53))).isFalse();
        assertThat(udp.allows(target, address)).isFalse();
        assertThat(udp.forDatagrams().mayMatch(target)).isTrue();
        assertThat(udp.forDatagrams().allows(target, address)).isTrue();
    }

    @Test
    void rulesForUdpByNameDoNotCoverLoopbackEither() {
        AllowList any = list("udp:*:53").forDatagrams();

        assertThat(any.allows(new HostPort("dns.internal", 53), new InetSocketAddress("10.0.0.53", 53)))
                .isTrue();
        assertThat(any.allows(new HostPort("dns.internal", 53), new InetSocketAddress("127.0.0.9", 53)))
                .isFalse();
        assertThat(any.allows(new HostPort("dns.internal", 53), new InetSocketAddress("169.254.169.254", 53)))
                .isFalse();
    }

    @ParameterizedTest(name = "{0}: {1} may not be dialled at {2}")
    @CsvSource({
        "db.internal:80, web.internal:80, 10.0.0.5",
        "db.internal:80, db.internal:81, 10.0.0.5",
        "db.internal:80, 10.0.0.5:80, 10.0.0.5",
        "10.0.0.0/8:80, db.internal:80, 192.0.2.1",
        "10.0.0.0/8:80, db.internal:81, 10.0.0.5",
        "localhost:80, 127.0.0.1:80, 127.0.0.1",
        "localhost:80, localhost:80, 169.254.169.254",
        "*.localhost:80, db.localhost:80, 127.0.0.1",
        "*:80, localhost:80, 127.0.0.1",
        "*:80, 127.0.0.1:80, 127.0.0.1",
        "*:80, [::1]:80, ::1",
    })
    void aRuleDoesNotAllow(String rule, String requested, String address) {
        HostPort target = HostPort.parse(requested);

        assertThat(list(rule).allows(target, new InetSocketAddress(address, target.port())))
                .isFalse();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "127.0.0.1",
                "127.255.255.255",
                "::1",
                "0.0.0.0",
                "::",
                "169.254.0.1",
                "169.254.169.254",
                "fe80::1",
                "febf::1",
                "224.0.0.1",
                "ff02::1",
                "fd00:ec2::254",
                "fd20:ce::254",
                "fd00:ec2::23",
                "fd00:a9fe:a9fe::1",
                "64:ff9b:1::7f00:1",
                "64:ff9b:1:ffff::1",
                "100.100.100.200",
                "168.63.129.16",
                "192.0.0.192",
                "64:ff9b::127.0.0.1",
                "64:ff9b::a9fe:a9fe",
                "2002:7f00:1::1",
                "2002:a9fe:a9fe::1",
                "::ffff:127.0.0.1",
                "::ffff:169.254.169.254",
            })
    void aNameDoesNotLeadToThisMachineOrItsLinkOrItsCloud(String address) {
        HostPort target = new HostPort("db.internal", 80);
        InetSocketAddress resolved = new InetSocketAddress(address, 80);

        assertThat(list("db.internal:80", "*.internal:80", "*:80").allows(target, resolved))
                .isFalse();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "64:ff9b::192.0.2.1",
                "64:ff9b:2::7f00:1",
                "2002:c000:201::1",
                "64:ff9c::127.0.0.1",
                "2003:7f00:1::1"
            })
    void aNameLeadsToWhatIsTranslatedIntoAnOrdinaryAddress(String address) {
        HostPort target = new HostPort("db.internal", 80);
        assertThat(list("db.internal:80").allows(target, new InetSocketAddress(address, 80)))
                .isTrue();
    }

    @Test
    void aMappedAddressThatTheJdkKeepsAsIpv6IsStillLoopback() throws Exception {
        byte[] mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1, 127, 0, 0, 1};
        InetAddress address = Inet6Address.getByAddress("db.internal", mapped, 1);

        assertThat(list("*:80").allows(new HostPort("db.internal", 80), new InetSocketAddress(address, 80)))
                .isFalse();
    }

    @Test
    void anEmptyListAllowsNothing() {
        HostPort target = new HostPort("10.0.0.5", 80);

        assertThat(list().mayMatch(target)).isFalse();
        assertThat(list().allows(target, new InetSocketAddress("10.0.0.5", 80))).isFalse();
    }

    @ParameterizedTest(name = "{0} lets {1} be resolved")
    @CsvSource({"db.internal:80, db.internal:80", "10.0.0.0/8:80, db.internal:80", "*:80, db.internal:80"})
    void aNameIsResolvedWhenARuleMayCoverIt(String rule, String requested) {
        assertThat(list(rule).mayMatch(HostPort.parse(requested))).isTrue();
    }

    @ParameterizedTest(name = "{0} does not let {1} be resolved")
    @CsvSource({
        "db.internal:80, web.internal:80",
        "10.0.0.0/8:80, db.internal:81",
        "10.0.0.0/8:80, 192.0.2.1:80",
        "db.internal:80, 10.0.0.5:80",
        "*:80, 127.0.0.1:80",
        "*:80, [::ffff:127.0.0.1]:80",
    })
    void aRequestThatNoRuleCanCoverEndsBeforeItIsResolved(String rule, String requested) {
        assertThat(list(rule).mayMatch(HostPort.parse(requested))).isFalse();
    }

    private static AllowList list(String... rules) {
        return new AllowList(Stream.of(rules).map(AllowRule::parse).toList());
    }
}
