package dev.culvert.server;

import dev.culvert.common.net.AllowList;
import dev.culvert.common.tls.Authority;
import dev.culvert.common.tls.Fingerprint;
import dev.culvert.common.tls.UntrustedPeer;
import java.security.cert.X509Certificate;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Who may connect: tells clients by their keys, or by what a CA calls them. Immutable; any thread. */
final class Clients {
    private final Set<String> names = new HashSet<>(Set.of(""));
    private final Map<Fingerprint, Client> byKey = new HashMap<>();
    private final Map<String, Client> byName = new HashMap<>();
    private final Client anonymous;
    /** Whether those who show an unknown key are let in. */
    private final boolean open;

    private final @Nullable Authority authority;

    /**
     * @param anonymous what all others may dial, and have
     * @param authority who vouches for names; without it nobody does
     */
    Clients(List<ClientConfig> configs, AnonymousConfig anonymous, Optional<Authority> authority, Accounts accounts) {
        for (ClientConfig config : configs) {
            Account account = accounts.of(config.name(), config.quota());
            account.rate().set(config.rate());
            Client client = new Client(config.name(), config.allow(), config.offers(), account);
            names.add(config.name());
            config.keys().forEach(key -> byKey.put(key, client));
            config.names().forEach(name -> byName.put(Authority.canonical(name), client));
        }
        open = anonymous.allow().isPresent();
        Account others = accounts.of("", anonymous.quota());
        others.rate().set(anonymous.rate());
        this.anonymous = new Client("", anonymous.allow().orElse(AllowList.NOTHING), anonymous.offers(), others);
        this.authority = authority.orElse(null);
    }

    /** As the configuration has them, and the empty one for all others. */
    Set<String> names() {
        return names;
    }

    /** Who connects where nobody shows a key. */
    Client anonymous() {
        return anonymous;
    }

    /** Who has shown these certificates, their own first. */
    Client identify(X509Certificate[] chain) throws UntrustedPeer {
        Fingerprint key = Fingerprint.of(chain[0].getPublicKey());
        Client client = byKey.get(key);
        if (client != null) {
            return client;
        }
        String unknown = "its key " + key + " is none of those under clients";
        try {
            if (authority == null || byName.isEmpty()) {
                throw new UntrustedPeer(unknown + "; list it there to let it in");
            }
            return byAuthority(authority, chain, unknown);
        } catch (UntrustedPeer e) {
            if (open) {
                return anonymous;
            }
            throw e;
        }
    }

    private Client byAuthority(Authority vouching, X509Certificate[] chain, String unknown) throws UntrustedPeer {
        try {
            vouching.checkClient(chain);
        } catch (UntrustedPeer e) {
            throw new UntrustedPeer(unknown + ", and " + e.getMessage());
        }
        List<String> names = Authority.names(chain[0]);
        for (String name : names) {
            Client client = byName.get(Authority.canonical(name));
            if (client != null) {
                return client;
            }
        }
        throw new UntrustedPeer(unknown + ", nor is its name " + names + "; list one of them there to let it in");
    }
}
