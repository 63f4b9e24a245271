package dev.culvert.server;

import dev.culvert.common.config.Kind;
import dev.culvert.common.config.Section;
import dev.culvert.common.net.Network;
import dev.culvert.mux.HostPort;
import io.netty.util.NetUtil;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * For clients that come by a web server.
 *
 * @param path begins with a slash
 * @param trustedProxies whose word on where a client comes from is taken
 */
record WebSocketConfig(String path, List<Network> trustedProxies) {
    private static final Kind<String> PATH = Kind.of("\"/PATH\"", "/", text -> {
        if (!text.matches("/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")) {
            throw new IllegalArgumentException("a path begins with a slash, as in \"/tunnel\", and has no query");
        }
        return text;
    });
    private static final Kind<Network> NETWORK =
            Kind.of("an address or a network such as \"127.0.0.1/32\"", Network.parse("127.0.0.1"), Network::parse);

    /** Reads the section {@code websocket} of {@code top}, if there is one. */
    static Optional<WebSocketConfig> read(Section top) {
        if (!top.has("websocket")) {
            return Optional.empty();
        }
        return Optional.of(top.section(
                "websocket",
                section -> new WebSocketConfig(
                        section.get("path", PATH),
                        section.has("trusted-proxies") ? section.list("trusted-proxies", NETWORK) : List.of())));
    }

    /**
     * Where a client comes from: who has connected, or where that one is trusted, the last in the header X-Forwarded-For who is not; the port
     * is 0 then, as nobody tells it.
     */
    HostPort client(InetSocketAddress peer, List<String> forwardedFor) {
        InetAddress address = Network.plain(peer.getAddress());
        if (!isTrusted(address)) {
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
            address = Network.plain(before);
            if (!isTrusted(address)) {
                break;
            }
        }
        return address.equals(Network.plain(peer.getAddress()))
                ? HostPort.of(peer)
                : HostPort.of(new InetSocketAddress(address, 0));
    }

    private boolean isTrusted(InetAddress address) {
        return trustedProxies.stream().anyMatch(network -> network.contains(address));
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
                + (trustedProxies.isEmpty()
                        ? ""
                        : trustedProxies.stream()
                                .map(network -> NetUtil.toAddressString(network.prefix()) + "/" + network.length())
                                .collect(Collectors.joining(" and ", ", told by ", " who connects")));
    }
}
