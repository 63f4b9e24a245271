package dev.culvert.common.net;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.EventLoop;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.dns.DnsRecord;
import io.netty.resolver.dns.DnsCacheEntry;
import io.netty.util.NetUtil;
import java.util.List;
import org.junit.jupiter.api.Test;

class AddressCacheTest {
    private static final DnsRecord[] NONE = {};

    private final EventLoop loop = new EmbeddedChannel().eventLoop();
    private final AddressCache cache = new AddressCache(30, 1);

    @Test
    void ofAnswersWithManyAddressesAsManyAreKeptAsAreDialled() {
        for (int i = 1; i <= 200; i++) {
            assertThat(add("192.0.2." + i).address().getHostAddress()).isEqualTo("192.0.2." + i);
        }
        for (int i = 1; i <= 200; i++) {
            add("2001:db8::" + i);
        }

        List<? extends DnsCacheEntry> kept = cache.get("db.test", NONE);
        assertThat(kept).hasSize(32);
        assertThat(kept.get(0).address()).isEqualTo(NetUtil.createInetAddressFromIpAddressString("192.0.2.1"));
    }

    private DnsCacheEntry add(String address) {
        return cache.cache("db.test", NONE, NetUtil.createInetAddressFromIpAddressString(address), 30, loop);
    }
}
