package dev.culvert.client;

import dev.culvert.common.config.Kind;
import dev.culvert.mux.HostPort;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.Locale;

/**
 * Where a server is: a TCP address, or the URL of a WebSocket behind a web server.
 *
 * @param address that is dialled; of the web server, if there is one
 * @param path begins with a slash; empty: the server itself is at the address
 */
record Location(Scheme scheme, HostPort address, String path) {
    static final Kind<Location> KIND = Kind.hostPort()
            .map(Location::of)
            .or(
                    text -> text.contains("://"),
                    Kind.of("\"wss://HOST/PATH\"", of(new HostPort("localhost", 1)), Location::parseUrl));

    enum Scheme {
        TCP(0),
        WS(80),
        WSS(443);

        private final int port;

        Scheme(int port) {
            this.port = port;
        }
    }

    static Location of(HostPort address) {
        return new Location(Scheme.TCP, address, "");
    }

    /** Reads HOST:PORT or a URL; throws {@link IllegalArgumentException} with a sentence for the user. */
    static Location parse(String text) {
        return text.contains("://") ? parseUrl(text) : of(HostPort.parse(text));
    }

    private static Location parseUrl(String text) {
        URI uri;
        try {
            uri = new URI(text);
        } catch (URISyntaxException e) {
            throw new IllegalArgumentException("it is no URL, expected \"wss://HOST/PATH\"", e);
        }
        Scheme scheme = switch (String.valueOf(uri.getScheme()).toLowerCase(Locale.ROOT)) {
            case "ws" -> Scheme.WS;
            case "wss" -> Scheme.WSS;
            default -> throw new IllegalArgumentException("a server is HOST:PORT, wss://HOST/PATH or ws://HOST/PATH");
        };
        if (uri.getHost() == null || uri.getRawUserInfo() != null || uri.getRawFragment() != null) {
            throw new IllegalArgumentException("expected a host, perhaps a port, and a path, as in wss://HOST/PATH");
        }
        String host = uri.getHost().replace("[", "").replace("]", "");
        String path = uri.getRawPath().isEmpty() ? "/" : uri.getRawPath();
        return new Location(
                scheme,
                new HostPort(host, uri.getPort() < 0 ? scheme.port : uri.getPort()),
                uri.getRawQuery() == null ? path : path + "?" + uri.getRawQuery());
    }

    boolean isWeb() {
        return scheme != Scheme.TCP;
    }

    /** As it is written in the configuration. */
    @Override
    public String toString() {
        if (!isWeb()) {
            return address.toString();
        }
        String all = address.toString();
        boolean usual = address.port() == scheme.port;
        return scheme.name().toLowerCase(Locale.ROOT) + "://" + (usual ? all.substring(0, all.lastIndexOf(':')) : all)
                + path;
    }
}
