package dev.culvert.common.config;

import dev.culvert.mux.HostPort;
import java.util.HashMap;
import java.util.Map;

/** The addresses that one file listens on, each of them once. */
public final class ListenAddresses {
    private final Map<HostPort, String> owners = new HashMap<>();

    /** Takes the {@code listen} address of a section; a second taker is an error. Port 0 is a new port every time. */
    public void take(HostPort address, Section section) {
        String owner = address.port() == 0 ? null : owners.putIfAbsent(address, section.path("listen"));
        if (owner != null) {
            section.error("listen", address + " is taken by " + owner + "; give each its own address");
        }
    }
}
