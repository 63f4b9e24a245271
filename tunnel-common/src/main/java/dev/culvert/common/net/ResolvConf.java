package dev.culvert.common.net;

import io.netty.resolver.dns.DnsServerAddressStream;
import io.netty.resolver.dns.DnsServerAddressStreamProvider;
import io.netty.resolver.dns.UnixResolverDnsServerAddressStreamProvider;
import java.io.File;
import java.io.IOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The name servers of a resolv.conf, read again when the file has changed: a laptop gets others with each network, and
 * Netty looks for them every five minutes. From any thread; a look-up costs one stat.
 */
final class ResolvConf implements DnsServerAddressStreamProvider {
    private static final Logger LOG = LoggerFactory.getLogger(ResolvConf.class);

    private final File file;
    private long lastModified;
    private DnsServerAddressStreamProvider servers;

    /** With {@code otherwise} until the file has name servers. */
    ResolvConf(File file, DnsServerAddressStreamProvider otherwise) {
        this.file = file;
        lastModified = file.lastModified();
        servers = read(otherwise);
    }

    @Override
    public synchronized DnsServerAddressStream nameServerAddressStream(String name) {
        long modified = file.lastModified();
        if (modified != lastModified) {
            lastModified = modified;
            servers = read(servers);
        }
        return servers.nameServerAddressStream(name);
    }

    /**
     * Who changes networks may write the file before the name servers of the new one are known: until then those from
     * before are there.
     */
    private DnsServerAddressStreamProvider read(DnsServerAddressStreamProvider before) {
        try {
            return new UnixResolverDnsServerAddressStreamProvider(file);
        } catch (IOException | IllegalArgumentException e) {
            LOG.debug("no name servers in {}: {}", file, e.toString());
            return before;
        }
    }
}
