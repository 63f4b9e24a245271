package dev.culvert.server;

import dev.culvert.common.config.TlsConfig;
import dev.culvert.common.tls.Authority;
import dev.culvert.common.tls.Identity;
import dev.culvert.common.tls.Tls;
import java.io.IOException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Who gets in, and what we show them: what can change while a server runs.
 *
 * @param tls null: nothing is encrypted
 * @param content of the files that it was made of
 */
record Access(Clients clients, @Nullable Tls tls, String content) {
    /**
     * Reads the files that {@code config} names, and sets what its clients may have. Blocks; throws with a sentence for
     * the user.
     */
    static Access of(ServerConfig config, Accounts accounts) throws IOException {
        TlsConfig files = config.tls().orElse(null);
        if (files == null) {
            return new Access(clients(config, Optional.empty(), accounts), null, "");
        }
        String content = content(config).orElse(""); // first: what changes from here on is seen to have changed
        Identity identity = files.identity();
        Clients clients = clients(config, files.authority(), accounts);
        return new Access(
                clients, Tls.server(identity, clients::identify, config.limits().handshakeTimeout()), content);
    }

    /** Of the files as they are now; empty: nobody can say, or there are none. Blocks. */
    static Optional<String> content(ServerConfig config) {
        return config.tls().flatMap(TlsConfig::content);
    }

    private static Clients clients(ServerConfig config, Optional<Authority> authority, Accounts accounts) {
        Clients clients = new Clients(config.clients(), config.anonymous(), authority, accounts);
        accounts.retain(clients.names());
        return clients;
    }
}
