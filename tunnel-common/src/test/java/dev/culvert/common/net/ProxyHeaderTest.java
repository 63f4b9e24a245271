package dev.culvert.common.net;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.haproxy.HAProxyCommand;
import io.netty.handler.codec.haproxy.HAProxyMessage;
import io.netty.handler.codec.haproxy.HAProxyMessageDecoder;
import io.netty.handler.codec.haproxy.HAProxyProxiedProtocol;
import java.net.InetSocketAddress;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Read as Netty reads it. */
class ProxyHeaderTest {
    @ParameterizedTest
    @EnumSource(ProxyHeader.class)
    void tellsAddressesOfIpv4(ProxyHeader version) {
        HAProxyMessage message = read(version, origin("192.0.2.7", 40000, "10.0.0.1", 80));

        assertThat(message.command()).isEqualTo(HAProxyCommand.PROXY);
        assertThat(message.proxiedProtocol()).isEqualTo(HAProxyProxiedProtocol.TCP4);
        assertThat(message.sourceAddress()).isEqualTo("192.0.2.7");
        assertThat(message.sourcePort()).isEqualTo(40000);
        assertThat(message.destinationAddress()).isEqualTo("10.0.0.1");
        assertThat(message.destinationPort()).isEqualTo(80);
    }

    @ParameterizedTest
    @EnumSource(ProxyHeader.class)
    void tellsAddressesOfIpv6(ProxyHeader version) {
        HAProxyMessage message = read(version, origin("2001:db8::7", 65535, "2001:db8::1", 1));

        assertThat(message.proxiedProtocol()).isEqualTo(HAProxyProxiedProtocol.TCP6);
        assertThat(address(message.sourceAddress())).isEqualTo(address("2001:db8::7"));
        assertThat(message.sourcePort()).isEqualTo(65535);
        assertThat(address(message.destinationAddress())).isEqualTo(address("2001:db8::1"));
        assertThat(message.destinationPort()).isEqualTo(1);
    }

    @ParameterizedTest
    @EnumSource(ProxyHeader.class)
    void makesOneFamilyOfTwo(ProxyHeader version) {
        HAProxyMessage message = read(version, origin("192.0.2.7", 40000, "2001:db8::1", 80));

        assertThat(message.proxiedProtocol()).isEqualTo(HAProxyProxiedProtocol.TCP6);
        assertThat(message.sourceAddress().toLowerCase(java.util.Locale.ROOT)).containsAnyOf("192.0.2.7", "c000:207");
    }

    @ParameterizedTest
    @EnumSource(ProxyHeader.class)
    void saysThatThereIsNoAddress(ProxyHeader version) {
        HAProxyMessage message = read(version, new Origin(null, null, "unix:pid=1,uid=0"));

        assertThat(message.proxiedProtocol()).isEqualTo(HAProxyProxiedProtocol.UNKNOWN);
        assertThat(message.sourceAddress()).isNull();
    }

    private static Origin origin(String from, int fromPort, String to, int toPort) {
        return Origin.of(new InetSocketAddress(from, fromPort), new InetSocketAddress(to, toPort));
    }

    private static InetSocketAddress address(String ip) {
        return new InetSocketAddress(ip, 0);
    }

    private static HAProxyMessage read(ProxyHeader version, Origin origin) {
        EmbeddedChannel channel = new EmbeddedChannel(new HAProxyMessageDecoder());
        assertThat(channel.writeInbound(version.of(origin))).isTrue();
        HAProxyMessage message = channel.readInbound();
        channel.finishAndReleaseAll();
        message.release();
        return message;
    }
}
