package dev.culvert.common.net;

import io.netty.channel.EventLoop;
import io.netty.handler.codec.dns.DnsRecord;
import io.netty.resolver.dns.DefaultDnsCache;
import io.netty.resolver.dns.DnsCacheEntry;
import java.net.InetAddress;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What name servers have answered, of each name and family no more than a {@link Race} takes: an answer may have
 * thousands of addresses. When there may be {@value #MOST} answers, it begins anew: a zone may have any number of
 * names.
 */
final class AddressCache extends DefaultDnsCache {
    static final int MOST = 20_000;

    private static final DefaultDnsCache KEEPS_NOTHING = new DefaultDnsCache(0, 0, 0);

    /** Since it was empty, with those that have expired. */
    private final AtomicInteger answers = new AtomicInteger();

    /** In seconds; {@code negativeTtl} for names that there are not. */
    AddressCache(int maxTtl, int negativeTtl) {
        super(0, maxTtl, negativeTtl);
    }

    @Override
    public DnsCacheEntry cache(
            String hostname, DnsRecord[] additionals, InetAddress address, long originalTtl, EventLoop loop) {
        if (isFull(hostname, additionals, address)) {
            return KEEPS_NOTHING.cache(hostname, additionals, address, originalTtl, loop);
        }
        makeRoom();
        return super.cache(hostname, additionals, address, originalTtl, loop);
    }

    @Override
    public DnsCacheEntry cache(String hostname, DnsRecord[] additionals, Throwable cause, EventLoop loop) {
        makeRoom();
        return super.cache(hostname, additionals, cause, loop);
    }

    private void makeRoom() {
        if (answers.incrementAndGet() > MOST) {
            answers.set(0);
            clear();
        }
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
