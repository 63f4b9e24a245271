package dev.culvert.client;

import dev.culvert.common.config.Kind;
import dev.culvert.common.config.Section;
import dev.culvert.common.net.NoProxy;
import dev.culvert.common.net.Proxy;
import dev.culvert.common.tls.SecretFile;
import dev.culvert.mux.HostPort;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * By which proxy servers are reached.
 *
 * @param except servers that are reached directly all the same
 */
record ProxyConfig(Optional<Proxy> proxy, NoProxy except) {
    private static final ProxyConfig NONE = new ProxyConfig(Optional.empty(), NoProxy.NONE);

    /**
     * Reads {@code proxy} and {@code proxy-password-file}.
     *
     * @param environment what is in it only counts if one of the servers is reached by it
     */
    static ProxyConfig read(Section section, Map<String, String> environment, List<HostPort> servers) {
        String text = section.get("proxy", Kind.text(), "environment");
        Optional<Path> passwordFile = section.findFile("proxy-password-file");
        try {
            switch (text) {
                case "off", "environment" -> {
                    if (passwordFile.isPresent()) {
                        section.error(
                                "proxy-password-file",
                                "goes with the URL of a proxy, and upstream.proxy is " + text
                                        + "; set upstream.proxy, or remove this");
                    }
                    return text.equals("off") ? NONE : of(environment, servers);
                }
                default -> {
                    return new ProxyConfig(Optional.of(withPassword(section, passwordFile, text)), NoProxy.NONE);
                }
            }
        } catch (IllegalArgumentException e) {
            section.error("proxy", String.valueOf(e.getMessage())); // without what was found, which may hold a password
            return NONE;
        }
    }

    private static Proxy withPassword(Section section, Optional<Path> file, String url) {
        Proxy proxy = parse(url, section.path("proxy"), "found", "expected environment, off, or " + Proxy.EXPECTED);
        if (file.isEmpty()) {
            return proxy;
        }
        if (proxy.login().isEmpty() || !proxy.login().get().password().isEmpty()) {
            section.error(
                    "proxy-password-file",
                    "is for a proxy with a user and without a password, as in http://USER@HOST:PORT");
            return proxy;
        }
        try {
            return proxy.with(SecretFile.read(file.get(), "a password", "").strip());
        } catch (IOException e) {
            section.error("proxy-password-file", String.valueOf(e.getMessage()));
            return proxy;
        }
    }

    private static ProxyConfig of(Map<String, String> environment, List<HostPort> servers) {
        NoProxy except = NoProxy.parse(first(environment, "no_proxy", "NO_PROXY")
                .map(Map.Entry::getValue)
                .orElse(""));
        if (servers.stream().allMatch(except::covers)) {
            return NONE;
        }
        return new ProxyConfig(
                first(environment, "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
                        .map(variable -> parse(variable.getKey(), variable.getValue())),
                except);
    }

    private static Optional<Map.Entry<String, String>> first(Map<String, String> environment, String... names) {
        return Stream.of(names)
                .filter(name -> !environment.getOrDefault(name, "").isBlank())
                .findFirst()
                .map(name ->
                        Map.entry(name, String.valueOf(environment.get(name)).strip()));
    }

    private static Proxy parse(String variable, String url) {
        String origin = variable + " in the environment";
        return parse(
                url, origin, origin + " is", "correct it, or set upstream.proxy = off; expected is " + Proxy.EXPECTED);
    }

    private static Proxy parse(String url, String origin, String found, String advice) {
        try {
            return Proxy.parse(url, origin);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(found + " no URL of a proxy: " + e.getMessage() + "; " + advice, e);
        }
    }

    /** The one for this server. */
    Optional<Proxy> to(HostPort server) {
        return except.covers(server) ? Optional.empty() : proxy;
    }
}
