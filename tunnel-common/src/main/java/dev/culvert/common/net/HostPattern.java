package dev.culvert.common.net;

import dev.culvert.mux.UnixPath;
import io.netty.util.NetUtil;
import java.util.Locale;
import java.util.regex.Pattern;

/** Which hosts an allow rule covers: what stands in front of its ports. */
sealed interface HostPattern
        permits HostPattern.Any, HostPattern.Name, HostPattern.Suffix, HostPattern.Socket, Network {
    /** Letters, digits, hyphens and underscores; the last label is not a number, or it would be a mistyped address. */
    Pattern NAME = Pattern.compile("(?=.{1,253}$)([a-z0-9_-]{1,63}\\.)*(?![0-9]+$)[a-z0-9_-]{1,63}");

    /** {@code *}: every host, asked for by name or by address. */
    record Any() implements HostPattern {}

    /** {@code db.internal}: this name. Lower case, without a trailing dot. */
    record Name(String name) implements HostPattern {
        boolean matches(String host) {
            return normalised(host).equals(name);
        }
    }

    /** {@code *.internal}: a suffix with its leading dot, and one or more labels in front of it. */
    record Suffix(String suffix) implements HostPattern {
        boolean matches(String host) {
            String name = normalised(host);
            return name.length() > suffix.length() && name.endsWith(suffix);
        }
    }

    /** {@code unix:/run/app.sock}: a unix socket, or those in a directory, whose path ends with a slash. */
    record Socket(String path, boolean directory) implements HostPattern {
        boolean matches(UnixPath socket) {
            String asked = socket.path();
            return directory ? asked.startsWith(path) && asked.indexOf('/', path.length()) < 0 : asked.equals(path);
        }
    }

    /** Reads the host of a rule; an IPv6 address or network has its brackets. */
    static HostPattern parse(String text) {
        if (text.equals("*")) {
            return new Any();
        }
        if (text.startsWith("[") && text.endsWith("]")) {
            return Network.parse(text.substring(1, text.length() - 1));
        }
        if (text.indexOf(':') >= 0) {
            throw new IllegalArgumentException(
                    NetUtil.isValidIpV6Address(text.split("/", 2)[0])
                            ? "an IPv6 address is written in brackets"
                            : "nothing stands in front of the host but udp:, and unix: in front of a path");
        }
        if (text.indexOf('/') >= 0 || NetUtil.isValidIpV4Address(text)) {
            return Network.parse(text);
        }
        boolean suffix = text.startsWith("*.");
        String name = normalised(suffix ? text.substring(2) : text);
        if (!NAME.matcher(name).matches()) {
            throw new IllegalArgumentException("'" + text + "' is neither a name nor an address");
        }
        return suffix ? new Suffix("." + name) : new Name(name);
    }

    private static String normalised(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        return lower.endsWith(".") ? lower.substring(0, lower.length() - 1) : lower;
    }
}
