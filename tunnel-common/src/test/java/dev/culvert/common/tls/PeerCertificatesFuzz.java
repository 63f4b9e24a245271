package dev.culvert.common.tls;

import static dev.culvert.common.tls.Der.bitString;
import static dev.culvert.common.tls.Der.oid;
import static dev.culvert.common.tls.Der.sequence;
import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.ByteArrayInputStream;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.Signature;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;

/**
 * Certificates that a coverage-guided fuzzer has a peer show: who is trusted has the pinned key, or leads to the
 * authority, as a second implementation finds out; anybody else is refused in a sentence.
 *
 * <p>An input is a byte and then certificates in DER, the peer's own first. The byte says whose keys sign them anew, so
 * that one that was changed is not refused for its signature alone: two bits for each, 0 if it stays as it is.
 */
class PeerCertificatesFuzz {
    private static final byte[] ECDSA_WITH_SHA256 = sequence(oid("1.2.840.10045.4.3.2"));
    private static final String HOST = "agent.example.com";
    /**
     * What the JDK says of one; any other number is a path length, and one below zero is not our business if the
     * authority wrote it.
     */
    private static final int NO_CA = -1;

    private static final Identity CA = KeyFileFuzz.seed("ca");
    private static final Identity AGENT = KeyFileFuzz.seed("agent");
    private static final List<Identity> SIGNERS = List.of(CA, KeyFileFuzz.seed("intermediate"), AGENT);

    private static final X509Certificate ROOT = CA.chain()[0];
    private static final Authority AUTHORITY = Authority.of(List.of(ROOT));
    private static final Trust PINNED = chain -> {
        Fingerprint shown = Fingerprint.of(chain[0].getPublicKey());
        if (!shown.equals(AGENT.fingerprint())) {
            throw new UntrustedPeer("the key is " + shown);
        }
    };

    @FuzzTest(maxDuration = "60s")
    void onlyWhoIsVouchedForIsTrusted(byte[] input) throws GeneralSecurityException {
        X509Certificate[] chain;
        try {
            chain = chain(input);
        } catch (CertificateException unreadable) {
            return; // no engine takes these further
        }
        if (trusts(PINNED, chain)) {
            assertThat(publicKey(chain[0])).isEqualTo(publicKey(AGENT.chain()[0]));
        }
        if (trusts(AUTHORITY::checkClient, chain)) {
            leadsToTheRoot(chain);
        }
        if (trusts(shown -> AUTHORITY.checkServer(shown, HOST), chain)) {
            leadsToTheRoot(chain);
            assertThat(Authority.names(chain[0]))
                    .anyMatch(name -> name.equalsIgnoreCase(HOST) || name.equalsIgnoreCase("*.example.com"));
        }
        if (chain.length > 0) {
            assertThat(Authority.names(chain[0])).doesNotContainNull();
        }
    }

    private static X509Certificate[] chain(byte[] input) throws GeneralSecurityException {
        List<X509Certificate> chain = new ArrayList<>();
        CertificateFactory factory = CertificateFactory.getInstance("X.509");
        ByteArrayInputStream in = new ByteArrayInputStream(input);
        for (int signers = in.read(); in.available() > 0; signers >>>= 2) {
            X509Certificate certificate = (X509Certificate) factory.generateCertificate(in);
            chain.add(signers % 4 == 0 ? certificate : signed(certificate, SIGNERS.get(signers % 4 - 1)));
        }
        return chain.toArray(new X509Certificate[0]);
    }

    private static X509Certificate signed(X509Certificate certificate, Identity by) throws GeneralSecurityException {
        byte[] toSign = certificate.getTBSCertificate();
        Signature signature = Signature.getInstance("SHA256withECDSA");
        signature.initSign(by.key());
        signature.update(toSign);
        byte[] der = sequence(toSign, ECDSA_WITH_SHA256, bitString(signature.sign()));
        return (X509Certificate)
                CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(der));
    }

    private static boolean trusts(Trust trust, X509Certificate[] chain) {
        try {
            new TrustManager(trust).checkClientTrusted(chain, "UNKNOWN");
            return true;
        } catch (CertificateException refused) {
            assertThat(refused).isInstanceOf(UntrustedPeer.class);
            assertThat(refused.getMessage())
                    .isNotBlank()
                    .doesNotContainPattern("\\p{Cc}")
                    .hasSizeLessThan(1100);
            return false;
        }
    }

    // ---- the second implementation

    private static void leadsToTheRoot(X509Certificate[] chain) {
        assertThat(isVouchedFor(chain[0], List.of(chain))).as("%s", chain[0]).isTrue();
    }

    private static boolean isVouchedFor(X509Certificate certificate, List<X509Certificate> others) {
        if (certificate.equals(ROOT)) {
            return true;
        }
        List<X509Certificate> rest = new ArrayList<>(others);
        rest.remove(certificate);
        return isValid(certificate)
                && (isSigned(certificate, ROOT)
                        || rest.stream()
                                .anyMatch(other -> other.getBasicConstraints() != NO_CA
                                        && isSigned(certificate, other)
                                        && isVouchedFor(other, rest)));
    }

    private static boolean isValid(X509Certificate certificate) {
        try {
            certificate.checkValidity();
            return !certificate.hasUnsupportedCriticalExtension();
        } catch (CertificateException e) {
            return false;
        }
    }

    private static boolean isSigned(X509Certificate certificate, X509Certificate by) {
        try {
            certificate.verify(by.getPublicKey());
            return certificate.getIssuerX500Principal().equals(by.getSubjectX500Principal());
        } catch (GeneralSecurityException e) {
            return false;
        }
    }

    /**
     * The SubjectPublicKeyInfo as BoringSSL finds it, with which the peer proves itself: by its place (RFC 5280,
     * section 4.1).
     */
    private static ByteBuffer publicKey(X509Certificate certificate) throws CertificateException {
        ByteBuffer toSign = content(content(ByteBuffer.wrap(certificate.getEncoded())));
        // The version; the JDK takes it as primitive, too, and BoringSSL refuses such a certificate altogether.
        if ((toSign.get(toSign.position()) & ~0x20) == (byte) 0x80) {
            content(toSign);
        }
        for (int field = 0; field < 5; field++) {
            content(toSign); // serial number, algorithm, issuer, validity, subject
        }
        return content(toSign);
    }

    /** Reads a value of DER and returns what is in it. */
    private static ByteBuffer content(ByteBuffer in) {
        in.get(); // the tag
        int length = in.get() & 0xff;
        if (length > 0x80) {
            int octets = length - 0x80;
            length = 0;
            for (int i = 0; i < octets; i++) {
                length = length << 8 | (in.get() & 0xff);
            }
        }
        ByteBuffer content = in.slice(in.position(), length);
        in.position(in.position() + length);
        return content;
    }
}
