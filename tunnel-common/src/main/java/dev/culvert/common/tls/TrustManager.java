package dev.culvert.common.tls;

import io.netty.handler.ssl.OpenSslCertificateException;
import io.netty.handler.ssl.OpenSslEngine;
import java.net.Socket;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.X509ExtendedTrustManager;
import org.jspecify.annotations.Nullable;

/** What the engines ask, answered by a {@link Trust}. */
final class TrustManager extends X509ExtendedTrustManager {
    /**
     * X509_V_ERR_CERT_REJECTED, for which BoringSSL sends the alert bad_certificate. Without it, it sends
     * internal_error.
     */
    private static final int REJECTED = 28;

    private final Trust trust;

    TrustManager(Trust trust) {
        this.trust = trust;
    }

    private void check(X509Certificate @Nullable [] chain, @Nullable SSLEngine engine) throws CertificateException {
        try {
            if (chain == null || chain.length == 0) {
                throw new UntrustedPeer("the peer has shown no certificate");
            }
            trust.check(chain);
        } catch (UntrustedPeer e) {
            throw engine instanceof OpenSslEngine ? new OpenSslCertificateException(e.getMessage(), e, REJECTED) : e;
        }
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
            throws CertificateException {
        check(chain, engine);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType, SSLEngine engine)
            throws CertificateException {
        check(chain, engine);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType, Socket socket)
            throws CertificateException {
        check(chain, null);
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType, Socket socket)
            throws CertificateException {
        check(chain, null);
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String authType) throws CertificateException {
        check(chain, null);
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String authType) throws CertificateException {
        check(chain, null);
    }

    /** Names no CA in the handshake: strangers need not know them. */
    @Override
    public X509Certificate[] getAcceptedIssuers() {
        return new X509Certificate[0];
    }
}
