package dev.culvert.server;

import dev.culvert.common.rate.Limit;
import io.netty.util.concurrent.Ticker;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/**
 * The accounts of all clients, by their names: one that is configured again keeps what it has. The thread that starts
 * and reloads the server only.
 */
final class Accounts {
    private final Ticker ticker;
    private final Account whole;
    private final Map<String, Account> byName = new HashMap<>();

    /** None so far, within {@code all}. */
    Accounts(Quota all, Ticker ticker) {
        this.ticker = ticker;
        whole = new Account("this server", all, null, ticker);
    }

    /** All of them together may have this much from now on. */
    void limit(Quota all) {
        whole.quota(all);
    }

    /** How fast the connections of all of them together may be. Any thread. */
    Limit rate() {
        return whole.rate();
    }

    /** The account of a client, or with an empty name that of all others, which may have this much from now on. */
    Account of(String name, Quota quota) {
        Account account = byName.computeIfAbsent(
                name,
                newName -> new Account(newName.isEmpty() ? "anonymous" : "client " + newName, quota, whole, ticker));
        account.quota(quota);
        return account;
    }

    /** Forgets all but these; an account lives as long as its sessions anyway. */
    void retain(Set<String> names) {
        byName.keySet().retainAll(names);
    }
}
