package dev.culvert.common.net;

import dev.culvert.mux.HostPort;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A proxy that opens TCP connections for others. Prints as its URL, without the login.
 *
 * @param origin where it is configured, for messages: {@code upstream.proxy}, or a variable of the environment
 */
public record Proxy(Protocol protocol, HostPort address, Optional<Login> login, String origin) {
    /** What can be written. */
    public static final String EXPECTED =
            "http://HOST:PORT or socks5://HOST:PORT, with USER:PASSWORD@ before HOST if it asks for that";

    /** How it is asked. */
    public enum Protocol {
        /** CONNECT (RFC 9110, section 9.3.6). */
        HTTP("http", 80),
        /** RFC 1928; the proxy resolves names. */
        SOCKS5("socks5", 1080);

        private final String scheme;
        private final int port;

        Protocol(String scheme, int port) {
            this.scheme = scheme;
            this.port = port;
        }
    }

    /** Who we are to the proxy; never printed. */
    public record Login(String user, String password) {
        @Override
        public String toString() {
            return "a login";
        }
    }

    public Proxy {
        if (protocol == Protocol.SOCKS5
                && login.isPresent()
                && !(fits(login.get().user) && fits(login.get().password))) {
            throw new IllegalArgumentException(
                    "the user name and the password for a SOCKS5 proxy have up to 255 ASCII characters each (RFC 1929)");
        }
    }

    private static boolean fits(String word) {
        return word.length() <= 255 && word.chars().allMatch(c -> c < 0x80);
    }

    /**
     * Reads a URL; without a scheme it is {@code http}, without a port 80, or 1080 for SOCKS.
     *
     * @throws IllegalArgumentException with what is wrong, which never holds any of the text: there may be a password
     *     in it
     */
    public static Proxy parse(String text, String origin) {
        URI uri;
        try {
            uri = new URI(text.contains("://") ? text : "http://" + text);
        } catch (URISyntaxException e) {
            throw new IllegalArgumentException(
                    "it is no URL; special characters in a password are written as %40 and the like");
        }
        if (uri.getHost() == null) {
            throw new IllegalArgumentException("it is no host with a port");
        }
        String path = uri.getRawPath();
        if (!(path == null || path.isEmpty() || path.equals("/")) || uri.getRawQuery() != null) {
            throw new IllegalArgumentException("there is a path behind its host and its port");
        }
        Protocol protocol = protocol(String.valueOf(uri.getScheme()).toLowerCase(Locale.ROOT));
        String host = uri.getHost().replace("[", "").replace("]", "");
        int port = uri.getPort() < 0 ? protocol.port : uri.getPort();
        if (port < 1 || port > 65535) {
            throw new IllegalArgumentException("a port is a number from 1 to 65535");
        }
        return new Proxy(protocol, new HostPort(host, port), login(uri.getRawUserInfo()), origin);
    }

    private static Protocol protocol(String scheme) {
        return switch (scheme) {
            case "http" -> Protocol.HTTP;
            case "socks5", "socks5h" -> Protocol.SOCKS5;
            case "https" ->
                throw new IllegalArgumentException(
                        "TLS to a proxy is not spoken here, and not needed: what goes through it is encrypted by itself");
            default -> throw new IllegalArgumentException("it is of a kind that is not spoken here");
        };
    }

    private static Optional<Login> login(@Nullable String userInfo) {
        if (userInfo == null) {
            return Optional.empty();
        }
        String[] words = userInfo.split(":", 2);
        return Optional.of(new Login(decoded(words[0]), words.length < 2 ? "" : decoded(words[1])));
    }

    /** Percent-encoding only: a + is a +. {@link URI} has seen that what follows a % is right. */
    private static String decoded(String word) {
        return java.net.URLDecoder.decode(word.replace("+", "%2B"), StandardCharsets.UTF_8);
    }

    /** The same with another password; the user has to be known. */
    public Proxy with(String password) {
        return new Proxy(protocol, address, Optional.of(new Login(login.orElseThrow().user, password)), origin);
    }

    /** Its URL. */
    @Override
    public String toString() {
        return protocol.scheme + "://" + address;
    }
}
