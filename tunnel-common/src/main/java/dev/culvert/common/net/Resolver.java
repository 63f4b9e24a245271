package dev.culvert.common.net;

import io.netty.channel.EventLoop;
import io.netty.resolver.ResolvedAddressTypes;
import io.netty.resolver.dns.DnsNameResolverBuilder;
import io.netty.resolver.dns.DnsNameResolverChannelStrategy;
import io.netty.resolver.dns.DnsServerAddressStream;
import io.netty.resolver.dns.DnsServerAddressStreamProvider;
import io.netty.resolver.dns.DnsServerAddresses;
import io.netty.resolver.dns.NoopAuthoritativeDnsServerCache;
import io.netty.resolver.dns.NoopDnsCnameCache;
import io.netty.util.NetUtil;
import io.netty.util.concurrent.Future;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Turns a host into addresses without blocking a thread: an address in text is itself, then the hosts file is asked,
 * then DNS for AAAA and A. DNS answers are kept for their time to live, but no longer than {@value #MAX_TTL} seconds. A
 * resolver is shared by all event loops and needs no closing.
 */
final class Resolver {
    /** How long a name server may take before it, or the next one, is asked again. */
    static final Duration PATIENCE = Duration.ofSeconds(2);

    private static final int MAX_TTL = 30;
    private static final int NEGATIVE_TTL = 1;

    private final HostsFile hosts;
    private final DnsNameResolverBuilder dns;
    private final Map<EventLoop, Lookups> lookups = new ConcurrentHashMap<>();

    Resolver(Transport transport, HostsFile hosts, DnsServerAddressStreamProvider nameServers, Duration patience) {
        this.hosts = hosts;
        this.dns = new DnsNameResolverBuilder()
                .datagramChannelFactory(transport.datagrams())
                .socketChannelFactory(transport.sockets())
                // A fresh source port for each question is hard to spoof (RFC 5452, section 9.2), and a socket that
                // could not be opened once is not lost for good.
                .datagramChannelStrategy(DnsNameResolverChannelStrategy.ChannelPerResolution)
                .nameServerProvider(host -> twice(nameServers.nameServerAddressStream(host)))
                .queryTimeoutMillis(patience.toMillis())
                .hostsFileEntriesResolver((name, types) -> null)
                .resolvedAddressTypes(ResolvedAddressTypes.IPV6_PREFERRED)
                // Shared by the loops, each of which has a resolver of its own.
                .resolveCache(new AddressCache(MAX_TTL, NEGATIVE_TTL))
                // What a name leads to is kept with its addresses; these have no bound.
                .cnameCache(NoopDnsCnameCache.INSTANCE)
                .authoritativeDnsServerCache(NoopAuthoritativeDnsServerCache.INSTANCE);
    }

    /** Netty asks each server once, and one lost datagram would be a failed dial. */
    private static DnsServerAddressStream twice(DnsServerAddressStream servers) {
        List<InetSocketAddress> rounds = new ArrayList<>();
        for (int i = 0; i < 2 * servers.size(); i++) {
            rounds.add(servers.next());
        }
        return DnsServerAddresses.sequential(rounds).stream();
    }

    /**
     * Resolves a host. On the loop, where the future completes, with one address or more; it fails with whatever the
     * name servers or the sockets said. To cancel it ends the look-up, unless others wait for the same name.
     */
    Future<List<InetAddress>> resolve(EventLoop loop, String host) {
        InetAddress literal = NetUtil.createInetAddressFromIpAddressString(host);
        List<InetAddress> known = literal != null ? List.of(literal) : hosts.addresses(host);
        return known.isEmpty()
                ? lookups.computeIfAbsent(loop, this::lookupsOn).ask(host)
                : loop.newSucceededFuture(known);
    }

    private Lookups lookupsOn(EventLoop loop) {
        return new Lookups(loop, dns.copy().eventLoop(loop).build());
    }
}
