package dev.culvert.server;

import dev.culvert.common.net.AllowList;
import java.util.List;

/**
 * Who is at the other end of a session.
 *
 * @param name as the configuration has it; empty: anybody
 * @param allow what it may dial
 */
record Client(String name, AllowList allow) {
    /** Who may not dial anything. */
    static final Client NOBODY = new Client("", new AllowList(List.of()));

    /** As a log names one that connects from {@code address}. */
    String at(Object address) {
        return name.isEmpty() ? address.toString() : name + "@" + address;
    }
}
