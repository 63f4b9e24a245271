package dev.culvert.common.tls;

import java.io.Serial;
import java.security.cert.CertificateException;

/** The peer has shown a certificate that is not trusted here; the message says why, and what to do. */
public final class UntrustedPeer extends CertificateException {
    @Serial
    private static final long serialVersionUID = 1;

    /** The message may quote the certificate; what is kept of it is one line. */
    public UntrustedPeer(String message) {
        super(OneLine.of(message));
    }
}
