package dev.culvert.common.config;

import dev.culvert.mux.Address;
import dev.culvert.mux.HostPort;
import java.util.HashMap;
import java.util.Map;

/** The addresses that one file listens on, each of them once. */
public final class ListenAddresses {
    private final Map<Address, String> owners = new HashMap<>();
    /** The ports of UDP are others than those of TCP. */
    private final Map<Address, String> ownersOfUdp = new HashMap<>();

    /** Takes the {@code listen} address of a section; a second taker is an error. Port 0 is a new port every time. */
    public void take(Address address, Section section) {
        take(owners, address, section);
    }

    /** The same for UDP: TCP may have the same address. */
    public void takeUdp(HostPort address, Section section) {
        take(ownersOfUdp, address, section);
    }

    private static void take(Map<Address, String> owners, Address address, Section section) {
        boolean anyPort = address instanceof HostPort tcp && tcp.port() == 0;
        String owner = anyPort ? null : owners.putIfAbsent(address, section.path("listen"));
        if (owner != null) {
            section.error("listen", address + " is taken by " + owner + "; give each its own address");
        }
    }
}
