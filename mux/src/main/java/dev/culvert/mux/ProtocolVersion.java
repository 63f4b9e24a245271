package dev.culvert.mux;

import org.jspecify.annotations.Nullable;

/** The first byte of every frame. One session speaks one version. */
public enum ProtocolVersion {
    /** smux version 1: no windows. */
    SMUX_1(1),
    /** smux version 2: a window for each stream. */
    SMUX_2(2),
    /** Culvert's own: version 2 with open requests, results, resets, pings and a farewell. */
    CULVERT(0x82);

    private final int wire;

    ProtocolVersion(int wire) {
        this.wire = wire;
    }

    /** The byte on the wire, 0 to 255. */
    public int wire() {
        return wire;
    }

    /** Whether this is what the stock smux library speaks. */
    public boolean isStock() {
        return this != CULVERT;
    }

    boolean hasWindows() {
        return this != SMUX_1;
    }

    static @Nullable ProtocolVersion of(int wire) {
        for (ProtocolVersion version : values()) {
            if (version.wire == wire) {
                return version;
            }
        }
        return null;
    }

    @Override
    public String toString() {
        return this == CULVERT ? "culvert (0x82)" : "smux version " + wire;
    }
}
