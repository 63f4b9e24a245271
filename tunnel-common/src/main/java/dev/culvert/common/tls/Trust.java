package dev.culvert.common.tls;

import java.security.cert.X509Certificate;

/** Decides in a handshake whether the peer is who it should be. Any thread. */
@FunctionalInterface
public interface Trust {
    /**
     * Returns if the peer is trusted. That it has the private key of the first certificate is checked elsewhere, in the
     * handshake.
     *
     * @param chain what the peer has sent, its own certificate first; at least one
     * @throws UntrustedPeer if it is not
     */
    void check(X509Certificate[] chain) throws UntrustedPeer;
}
