package dev.culvert.mux;

import java.util.List;

/**
 * A unix socket (unix(7)).
 *
 * @param path absolute; or {@code @} and a name, which is in Linux's abstract namespace and no file. 2 to
 *     {@value #MOST} printable ASCII characters without spaces, and no way back up: what a rule for a directory covers
 *     is in that directory
 */
public record UnixPath(String path) implements Address {
    static final String PREFIX = "unix:";
    /** What sun_path holds beside its NUL. */
    static final int MOST = 107;

    public UnixPath {
        if (path.length() < 2 || path.length() > MOST) {
            throw new IllegalArgumentException("the path of a unix socket has 2 to " + MOST + " characters");
        }
        if (!path.chars().allMatch(c -> c > ' ' && c < 0x7f)) {
            throw new IllegalArgumentException("the path of a unix socket is printable ASCII without spaces");
        }
        boolean isAbstract = path.startsWith("@");
        if (!isAbstract && !path.startsWith("/")) {
            throw new IllegalArgumentException(
                    "the path of a unix socket begins with /, or with @ for an abstract one, as in unix:/run/app.sock");
        }
        if (!isAbstract
                && (path.endsWith("/")
                        || List.of(path.substring(1).split("/")).stream()
                                .anyMatch(part -> List.of("", ".", "..").contains(part)))) {
            throw new IllegalArgumentException(
                    "the path of a unix socket is written without //, /./, /../ and a / at its end");
        }
    }

    /** Whether it is a name only, and no file. */
    public boolean isAbstract() {
        return path.startsWith("@");
    }

    /** {@code unix:} and the path. */
    @Override
    public String toString() {
        return PREFIX + path;
    }
}
