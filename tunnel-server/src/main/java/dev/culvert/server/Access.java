package dev.culvert.server;

import dev.culvert.common.config.TlsConfig;
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
    /** Reads the files that {@code config} names. Blocks; throws with a sentence for the user. */
    static Access of(ServerConfig config) throws IOException {
        TlsConfig files = config.tls().orElse(null);
        if (files == null) {
            return new Access(new Clients(config.clients(), config.anonymous(), Optional.empty()), null, "");
        }
        String content = files.content().orElse("");
        Clients clients = new Clients(config.clients(), config.anonymous(), files.authority());
        return new Access(
                clients,
                Tls.server(files.identity(), clients::identify, config.limits().handshakeTimeout()),
                content);
    }
}
