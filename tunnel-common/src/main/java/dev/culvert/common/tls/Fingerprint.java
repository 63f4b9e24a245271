package dev.culvert.common.tls;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.PublicKey;
import java.util.Arrays;
import java.util.Base64;

/**
 * The name of a key: SHA-256 over its SubjectPublicKeyInfo (RFC 5280, section 4.1), written as SSH writes it,
 * {@code SHA256:} and unpadded base64. It is not that of the certificate, which may be renewed with the same key.
 */
public final class Fingerprint {
    private static final String PREFIX = "SHA256:";
    private static final int BYTES = 32;

    private final byte[] digest;

    private Fingerprint(byte[] digest) {
        this.digest = digest;
    }

    /** The fingerprint of a key. */
    public static Fingerprint of(PublicKey key) {
        try {
            return new Fingerprint(MessageDigest.getInstance("SHA-256").digest(key.getEncoded()));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    /**
     * Reads what {@link #toString} has written, with or without padding.
     *
     * @throws IllegalArgumentException with what to do
     */
    public static Fingerprint parse(String text) {
        if (text.startsWith(PREFIX)) {
            byte[] digest = decode(text.substring(PREFIX.length()));
            if (digest.length == BYTES) {
                return new Fingerprint(digest);
            }
        }
        throw new IllegalArgumentException(
                "a fingerprint is SHA256: and 43 characters of base64, as `keygen` prints it on the other machine");
    }

    private static byte[] decode(String base64) {
        try {
            return Base64.getDecoder().decode(base64);
        } catch (IllegalArgumentException e) {
            return new byte[0];
        }
    }

    /** Takes the same time wherever the two differ. */
    @Override
    public boolean equals(Object other) {
        return other instanceof Fingerprint fingerprint && MessageDigest.isEqual(digest, fingerprint.digest);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(digest);
    }

    @Override
    public String toString() {
        return PREFIX + Base64.getEncoder().withoutPadding().encodeToString(digest);
    }
}
