package dev.culvert.server;

import dev.culvert.common.config.Kind;
import dev.culvert.common.config.Section;
import dev.culvert.common.net.AddressSet;
import dev.culvert.mux.HostPort;
import io.netty.util.NetUtil;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/**
 * For clients that come by a web server.
 *
 * @param path begins with a slash
 * @param trustedProxies whose word on where a client comes from is taken
 */
record WebSocketConfig(String path, AddressSet trustedProxies) {
    private static final Kind<String> PATH = Kind.of("\"/PATH\"", "/", text -> {
        if (!text.matches("/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")) {
            throw new IllegalArgumentException("a path begins with a slash, as in \"/tunnel\", and has no query");
        }
        return text;
    });
    /** Reads the section {@code websocket} of {@code top}, if there is one. */
    static Optional<WebSocketConfig> read(Section top) {
        if (!top.has("websocket")) {
            return Optional.empty();
        }
        return Optional.of(top.section(
                "websocket",
                section -> new WebSocketConfig(section.get("path", PATH), section.addresses("trusted-proxies"))));
    }

    /**
     * Where a client comes from: whoever has connected, or where that one is trusted, the last in the header
     * X-Forwarded-For who is not; the port is 0 then, as nobody tells it.
     */
    HostPort client(InetSocketAddress peer, List<String> forwardedFor) {
        InetAddress address = AddressSet.plain(peer.getAddress());
        if (!trustedProxies.contains(address)) {
            return HostPort.of(peer);
        }
        List<String> hops =
                new ArrayList<>(List.of(String.join(",", forwardedFor).split(",", -1)));
        Collections.reverse(hops);
        for (String hop : hops) {
            InetAddress before = NetUtil.createInetAddressFromIpAddressString(withoutPort(hop.strip()));
            if (before == null) {
                break;
            }
            address = AddressSet.plain(before);
            if (!trustedProxies.contains(address)) {
                break;
            }
        }
        return address.equals(AddressSet.plain(peer.getAddress()))
                ? HostPort.of(peer)
                : HostPort.of(new InetSocketAddress(address, 0));
    }

    /** Some write one: {@code 192.0.2.1:50000}, {@code [2001:db8::1]:50000}. */
    private static String withoutPort(String hop) {
        if (hop.startsWith("[")) {
            return hop.substring(1, Math.max(1, hop.indexOf(']')));
        }
        int colon = hop.indexOf(':');
        return colon >= 0 && colon == hop.lastIndexOf(':') ? hop.substring(0, colon) : hop;
    }

    /** A few words for people. */
    String describe() {
        return "WebSocket at " + path
                + (trustedProxies.isEmpty() ? "" : ", told by " + trustedProxies + " who connects");
    }
}
