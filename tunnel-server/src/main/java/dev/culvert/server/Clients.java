package dev.culvert.server;

import dev.culvert.common.net.AllowList;
import dev.culvert.common.tls.Authority;
import dev.culvert.common.tls.Fingerprint;
import dev.culvert.common.tls.UntrustedPeer;
import java.security.cert.X509Certificate;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Who may connect: tells clients by their keys, or by what a CA calls them. Immutable; any thread. */
final class Clients {
    private final Map<Fingerprint, Client> byKey = new HashMap<>();
    private final Map<String, Client> byName = new HashMap<>();
    private final Optional<Client> anybody;
    private final @Nullable Authority authority;

    /**
     * @param anonymous what all others may dial; empty: there are no others
     * @param authority who vouches for names; without it nobody does
     */
    Clients(List<ClientConfig> configs, Optional<AllowList> anonymous, Optional<Authority> authority) {
        for (ClientConfig config : configs) {
            Client client = new Client(config.name(), config.allow());
            config.keys().forEach(key -> byKey.put(key, client));
            config.names().forEach(name -> byName.put(name, client));
        }
        anybody = anonymous.map(allow -> new Client("", allow));
        this.authority = authority.orElse(null);
    }

    /** Who connects where nobody shows a key. */
    Client anonymous() {
        return anybody.orElse(Client.NOBODY);
    }

    /** Who has shown these certificates, their own first. */
    Client identify(X509Certificate[] chain) throws UntrustedPeer {
        Fingerprint key = Fingerprint.of(chain[0].getPublicKey());
        Client client = byKey.get(key);
        if (client == null && authority != null && !byName.isEmpty()) {
            client = byAuthority(authority, chain, key);
        }
        if (client != null) {
            return client;
        }
        return anybody.orElseThrow(() ->
                new UntrustedPeer("its key " + key + " is none of those under clients; list it there to let it in"));
    }

    private @Nullable Client byAuthority(Authority vouching, X509Certificate[] chain, Fingerprint key)
            throws UntrustedPeer {
        try {
            vouching.checkClient(chain);
        } catch (UntrustedPeer e) {
            if (anybody.isPresent()) {
                return null;
            }
            throw new UntrustedPeer("its key " + key + " is none of those under clients, and " + e.getMessage());
        }
        return Authority.names(chain[0]).stream()
                .filter(byName::containsKey)
                .findFirst()
                .map(byName::get)
                .orElse(null);
    }
}
