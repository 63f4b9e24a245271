package dev.culvert.server;

import dev.culvert.common.net.AllowList;

/**
 * Who is at the other end of a session.
 *
 * @param name as the configuration has it; empty: anybody
 * @param allow what it may dial
 * @param datagrams what it may send datagrams to
 * @param offers which listeners it may take the connections of
 * @param account what it may have, and has
 */
record Client(String name, AllowList allow, AllowList datagrams, OfferRules offers, Account account) {
    /** @param allow what it may dial, and what it may send datagrams to */
    Client(String name, AllowList allow, OfferRules offers, Account account) {
        this(name, allow, allow.forDatagrams(), offers, account);
    }

    /** Whether it is whoever comes. */
    boolean isAnonymous() {
        return name.isEmpty();
    }

    /** As a sentence on its rules names it. */
    String label() {
        return isAnonymous() ? "anonymous" : name;
    }

    /** As a log names one that connects from {@code address}. */
    String at(Object address) {
        return isAnonymous() ? address.toString() : name + "@" + address;
    }
}
