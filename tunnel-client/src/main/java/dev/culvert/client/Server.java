package dev.culvert.client;

import dev.culvert.common.tls.Authority;
import dev.culvert.common.tls.Fingerprint;
import dev.culvert.common.tls.Identity;
import dev.culvert.common.tls.Tls;
import dev.culvert.common.tls.Trust;
import dev.culvert.common.tls.UntrustedPeer;
import dev.culvert.mux.HostPort;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A server that sessions may go to.
 *
 * @param tls knows it and us; null: nothing is encrypted
 */
record Server(HostPort address, @Nullable Tls tls) {
    /** Reads the files of {@code tls}. Blocks; throws with a sentence for the user. */
    static Server of(HostPort address, Optional<UpstreamTlsConfig> tls, Duration handshakeTimeout) throws IOException {
        if (tls.isEmpty()) {
            return new Server(address, null);
        }
        UpstreamTlsConfig config = tls.get();
        Identity identity = config.files().identity();
        Authority authority = config.files().authority().orElse(null);
        String host = config.serverName().orElse(address.host());
        Trust trust = authority == null
                ? chain -> checkKey(Fingerprint.of(chain[0].getPublicKey()), config.serverKeys())
                : chain -> authority.checkServer(chain, host);
        return new Server(address, Tls.client(identity, trust, handshakeTimeout));
    }

    private static void checkKey(Fingerprint shown, List<Fingerprint> expected) throws UntrustedPeer {
        if (!expected.contains(shown)) {
            throw new UntrustedPeer("the server's key is " + shown + ", expected "
                    + expected.stream().map(Fingerprint::toString).collect(Collectors.joining(" or "))
                    + ". If the server has a new key, which `tunnel-server keygen` prints there, set it as"
                    + " upstream.tls.server-key; if not, this is not the server");
        }
    }

    @Override
    public String toString() {
        return address.toString();
    }
}
