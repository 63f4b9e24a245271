package dev.culvert.common.tls;

import static dev.culvert.common.tls.Der.bitString;
import static dev.culvert.common.tls.Der.explicit;
import static dev.culvert.common.tls.Der.generalizedTime;
import static dev.culvert.common.tls.Der.integer;
import static dev.culvert.common.tls.Der.oid;
import static dev.culvert.common.tls.Der.sequence;
import static dev.culvert.common.tls.Der.set;
import static dev.culvert.common.tls.Der.utcTime;
import static dev.culvert.common.tls.Der.utf8;

import java.io.ByteArrayInputStream;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;

/**
 * A new key, and the certificate that TLS wants around it: EC P-256, signed by itself (RFC 5280, section 4.1).
 *
 * <p>It never expires: the peer trusts the key, and what is trusted is said in its configuration.
 */
final class SelfSigned {
    private static final byte[] ECDSA_WITH_SHA256 = sequence(oid("1.2.840.10045.4.3.2"));
    private static final byte[] COMMON_NAME = oid("2.5.4.3");
    private static final BigInteger VERSION_3 = BigInteger.TWO;

    private SelfSigned() {}

    /** Makes a key with its certificate; {@code name} is for people. */
    static Identity make(String name) {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
            generator.initialize(new ECGenParameterSpec("secp256r1"));
            KeyPair pair = generator.generateKeyPair();
            return Identity.of(pair.getPrivate(), certificate(pair, name));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("every JDK has EC P-256 and X.509", e);
        }
    }

    private static X509Certificate certificate(KeyPair pair, String name) throws GeneralSecurityException {
        byte[] names = sequence(set(sequence(COMMON_NAME, utf8(name))));
        byte[] toSign = sequence(
                explicit(0, integer(VERSION_3)),
                integer(new BigInteger(127, new SecureRandom()).setBit(126)),
                ECDSA_WITH_SHA256,
                names,
                sequence(utcTime("200101000000Z"), generalizedTime("99991231235959Z")),
                names,
                pair.getPublic().getEncoded());
        Signature signature = Signature.getInstance("SHA256withECDSA");
        signature.initSign(pair.getPrivate());
        signature.update(toSign);
        byte[] der = sequence(toSign, ECDSA_WITH_SHA256, bitString(signature.sign()));
        return (X509Certificate)
                CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(der));
    }
}
