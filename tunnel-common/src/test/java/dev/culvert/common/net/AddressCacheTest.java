package dev.culvert.common.net;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.EventLoop;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.dns.DnsRecord;
import io.netty.resolver.dns.DnsCacheEntry;
import io.netty.util.NetUtil;
import java.net.UnknownHostException;
import java.util.List;
import java.util.stream.IntStream;
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

    @Test
    void ofManyNamesTheLastAreKept() {
        add("first.test", "192.0.2.1");
        IntStream.range(0, AddressCache.MOST - 1).forEach(i -> add(i + ".test", "192.0.2.1"));
        assertThat(cache.get("first.test", NONE)).isNotEmpty();

        cache.cache("last.test", NONE, new UnknownHostException(), loop);

        assertThat(cache.get("first.test", NONE)).isNullOrEmpty();
        assertThat(cache.get("last.test", NONE)).isNotEmpty();
    }

    private DnsCacheEntry add(String address) {
        return add("db.test", address);
    }

    private DnsCacheEntry add(String name, String address) {
        return cache.cache(name, NONE, NetUtil.createInetAddressFromIpAddressString(address), 30, loop);
    }
}
