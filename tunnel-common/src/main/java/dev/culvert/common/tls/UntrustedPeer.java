package dev.culvert.common.tls;

import java.io.Serial;
import java.security.cert.CertificateException;

/** The peer has shown a certificate that is not trusted here; the message says why, and what to do. */
public final class UntrustedPeer extends CertificateException {
    @Serial
    private static final long serialVersionUID = 1;

    private static final int LONGEST = 1000;

    /** The message may quote a certificate, in which anybody can write anything: a log gets one line of it that is not too long. */
    public UntrustedPeer(String message) {
        super((message.length() <= LONGEST ? message : message.substring(0, LONGEST) + "...")
                .replaceAll("\\p{Cc}", "?"));
    }
}
