package dev.culvert.common.net;

import io.netty.resolver.HostsFileEntriesProvider;
import io.netty.util.NetUtil;
import java.io.File;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The names of a hosts file, read again when the file has changed: Netty's own reader reads it once, and a daemon
 * outlives edits. From any thread; a look-up costs one stat.
 */
final class HostsFile {
    private final File file;
    private long lastModified;
    private HostsFileEntriesProvider entries;

    HostsFile(File file) {
        this.file = file;
        this.lastModified = file.lastModified();
        this.entries = read();
    }

    /**
     * The addresses of a name, IPv6 first; none if the file does not have it. {@code localhost} and the names under it
     * are the loopback addresses when the file leaves them out (RFC 6761, section 6.3).
     */
    synchronized List<InetAddress> addresses(String name) {
        long modified = file.lastModified();
        if (modified != lastModified) {
            lastModified = modified;
            entries = read();
        }
        String key = withoutRoot(name.toLowerCase(Locale.ROOT));
        List<InetAddress> found = new ArrayList<>(entries.ipv6Entries().getOrDefault(key, List.of()));
        found.addAll(entries.ipv4Entries().getOrDefault(key, List.of()));
        if (found.isEmpty() && (key.equals("localhost") || key.endsWith(".localhost"))) {
            return List.of(NetUtil.LOCALHOST6, NetUtil.LOCALHOST4);
        }
        return found;
    }

    private HostsFileEntriesProvider read() {
        return HostsFileEntriesProvider.parser().parseSilently(file, StandardCharsets.UTF_8);
    }

    private static String withoutRoot(String name) {
        return name.endsWith(".") ? name.substring(0, name.length() - 1) : name;
    }
}
