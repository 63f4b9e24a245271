package dev.culvert.common.config;

import dev.culvert.common.net.Overlap;
import dev.culvert.mux.Address;
import dev.culvert.mux.HostPort;
import java.util.LinkedHashMap;
import java.util.Map;

/** The addresses that one file listens on, each of them once, also as one of all. */
public final class ListenAddresses {
    private final Map<Address, String> owners = new LinkedHashMap<>();
    /** The ports of UDP are others than those of TCP. */
    private final Map<Address, String> ownersOfUdp = new LinkedHashMap<>();

    /** Takes the {@code listen} address of a section; a second taker is an error. Port 0 is a new port every time. */
    public void take(Address address, Section section) {
        take(owners, address, section);
    }

    /** The same for UDP: TCP may have the same address. */
    public void takeUdp(HostPort address, Section section) {
        take(ownersOfUdp, address, section);
    }

    private static void take(Map<Address, String> owners, Address address, Section section) {
        if (address instanceof HostPort tcp && tcp.port() == 0) {
            return;
        }
        for (Map.Entry<Address, String> taken : owners.entrySet()) {
            if (Overlap.of(taken.getKey(), address)) {
                section.error(
                        "listen",
                        address + " is taken by " + taken.getValue()
                                + (taken.getKey().equals(address)
                                        ? "; give each its own address"
                                        : ", which is on " + taken.getKey() + "; give each its own port"));
                return;
            }
        }
        owners.put(address, section.path("listen"));
    }
}
