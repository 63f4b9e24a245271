package dev.culvert.common.net;

import io.netty.channel.EventLoop;
import io.netty.handler.codec.dns.DnsRecord;
import io.netty.resolver.dns.DefaultDnsCache;
import io.netty.resolver.dns.DnsCacheEntry;
import java.net.InetAddress;

/** What name servers have answered, of each name and family no more than a {@link Race} takes: an answer may have thousands of addresses. */
final class AddressCache extends DefaultDnsCache {
    private static final DefaultDnsCache KEEPS_NOTHING = new DefaultDnsCache(0, 0, 0);

    /** In seconds; {@code negativeTtl} for names that there are not. */
    AddressCache(int maxTtl, int negativeTtl) {
        super(0, maxTtl, negativeTtl);
    }

    @Override
    public DnsCacheEntry cache(
            String hostname, DnsRecord[] additionals, InetAddress address, long originalTtl, EventLoop loop) {
        return isFull(hostname, additionals, address)
                ? KEEPS_NOTHING.cache(hostname, additionals, address, originalTtl, loop)
                : super.cache(hostname, additionals, address, originalTtl, loop);
    }

    private boolean isFull(String hostname, DnsRecord[] additionals, InetAddress address) {
        var known = get(hostname, additionals);
        return known != null
                && known.size() >= Race.MOST
                && known.stream().filter(entry -> isOfFamily(entry, address)).count() >= Race.MOST;
    }

    private static boolean isOfFamily(DnsCacheEntry entry, InetAddress address) {
        return entry.address() != null && entry.address().getClass() == address.getClass();
    }
}
