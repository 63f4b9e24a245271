package dev.culvert.mux;

/** Where a connection comes from or goes to: over TCP, or within one machine. Nothing is resolved or looked up. */
public sealed interface Address permits HostPort, UnixPath {
    /** Reads {@code unix:PATH}, or else {@code HOST:PORT}; throws IllegalArgumentException with a sentence. */
    static Address parse(String text) {
        return text.startsWith(UnixPath.PREFIX)
                ? new UnixPath(text.substring(UnixPath.PREFIX.length()))
                : HostPort.parse(text);
    }
}
