package dev.culvert.common.config;

import dev.culvert.mux.Address;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.UnixPath;
import io.netty.util.NetUtil;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Where a running agent is seen and steered.
 *
 * @param listen absolute paths of unix sockets, and loopback addresses; empty without {@code off}: the default socket
 * @param off nowhere
 */
public record AdminConfig(List<String> listen, boolean off) {
    private static final String AUTO = "auto";
    private static final String UNIX = "unix:";
    private static final Kind<String> ADDRESS = Kind.of(
            "auto, off, the path of a unix socket such as \"/run/culvert/client.sock\", or a loopback address such as"
                    + " \"127.0.0.1:9180\"",
            "127.0.0.1:0",
            AdminConfig::check);

    /**
     * Reads the section {@code admin}.
     *
     * @param addresses what else the file listens on
     */
    public static AdminConfig read(Section section, ListenAddresses addresses) {
        if (section.isOff("listen")) {
            return new AdminConfig(List.of(), true);
        }
        List<String> listen = section.has("listen") ? section.oneOrMore("listen", ADDRESS) : List.of(AUTO);
        if (listen.contains(AUTO) && listen.size() > 1) {
            section.error("listen", "auto stands alone; name the path of the socket beside the other addresses");
        }
        if (listen.contains(AUTO)) {
            return new AdminConfig(List.of(), false);
        }
        listen.forEach(address -> addresses.take(parse(address), section));
        return new AdminConfig(listen, false);
    }

    private static Address parse(String address) {
        if (address.startsWith("/")) {
            return new UnixPath(address);
        }
        if (address.indexOf(':') < 0 || address.startsWith(UNIX) || address.startsWith(".")) {
            throw new IllegalArgumentException("a path has to be absolute, as in \"/run/culvert/client.sock\", and an"
                    + " address has a port, as in \"127.0.0.1:9180\"");
        }
        return HostPort.parse(address);
    }

    /** Also takes paths as they are written elsewhere. */
    private static String check(String written) {
        String text = written.startsWith(UNIX + "/") ? written.substring(UNIX.length()) : written;
        if (text.equals(AUTO) || !(parse(text) instanceof HostPort tcp)) {
            return text;
        }
        String host = tcp.host();
        InetAddress address = NetUtil.createInetAddressFromIpAddressString(host);
        if (!host.equals("localhost") && (address == null || !address.isLoopbackAddress())) {
            throw new IllegalArgumentException(
                    "it tells everything about the connections to whoever asks, so only loopback addresses will do");
        }
        return text;
    }

    /**
     * The socket of an agent whose file names none: in the directory that systemd has made for it, or
     * {@code /run/culvert}, and called as its configuration file.
     *
     * @param env the environment of the process
     */
    public static Path defaultSocket(Path file, Map<String, String> env) {
        String directory = env.getOrDefault("RUNTIME_DIRECTORY", "/run/culvert").split(":", -1)[0];
        String name = String.valueOf(file.getFileName()).replaceFirst("\\.conf$", "");
        return Path.of(directory, name + ".sock");
    }

    /** Where to listen, if anywhere: the default only where it can be. */
    public List<String> addresses(Path file, Map<String, String> env) {
        if (!listen.isEmpty() || off) {
            return listen;
        }
        Path socket = defaultSocket(file, env);
        Path directory = socket.getParent();
        return directory != null && Files.isWritable(directory) ? List.of(socket.toString()) : List.of();
    }

    /**
     * Where to ask an agent: its socket, by which it can be steered as well, if it has one; else an address whose port
     * is known. What port 0 became only the agent's log says.
     */
    public Optional<String> askAt(Path file, Map<String, String> env) {
        if (listen.isEmpty()) {
            return off ? Optional.empty() : Optional.of(defaultSocket(file, env).toString());
        }
        return listen.stream()
                .filter(address -> address.startsWith("/"))
                .findFirst()
                .or(() -> listen.stream()
                        .filter(address -> HostPort.parse(address).port() != 0)
                        .findFirst());
    }

    /** A few words for people. */
    public String describe() {
        return off ? "off" : listen.isEmpty() ? "auto" : String.join(", ", listen);
    }
}
