package dev.culvert.common.tls;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileOwnerAttributeView;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.InvalidKeySpecException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Who an agent is: its private key, and the certificate that carries the public one. Prints as its fingerprint only.
 */
public final class Identity {
    private static final String KEYGEN = "; `keygen` makes a key";

    private final PrivateKey key;
    private final List<X509Certificate> chain;

    private Identity(PrivateKey key, List<X509Certificate> chain) {
        this.key = key;
        this.chain = List.copyOf(chain);
    }

    static Identity of(PrivateKey key, X509Certificate... chain) {
        return new Identity(key, List.of(chain));
    }

    /**
     * Reads PEM files: a PKCS#8 key, which nobody but the owner and the group may read, and a certificate for it with
     * those that lead to its CA. All of it may stand in one file. Blocks.
     *
     * @throws IOException with a sentence for the user, which never holds any of the key
     */
    public static Identity read(Path keyFile, Path certFile) throws IOException {
        String keyText = SecretFile.read(keyFile, "a private key", KEYGEN);
        PrivateKey key = privateKey(keyFile, keyText);
        List<X509Certificate> chain =
                certificates(certFile, certFile.equals(keyFile) ? keyText : SecretFile.readText(certFile, KEYGEN));
        if (chain.isEmpty()) {
            throw new IOException(certFile + " has no certificate; name the file that has it with cert-file");
        }
        if (!belongTogether(key, chain.get(0).getPublicKey())) {
            throw new IOException("the first certificate in " + certFile + " is not that of the key in " + keyFile);
        }
        return new Identity(key, chain);
    }

    /**
     * Reads the certificates of a PEM file, in its order. Blocks.
     *
     * @throws IOException with a sentence for the user
     */
    static List<X509Certificate> readCertificates(Path file) throws IOException {
        List<X509Certificate> certificates = certificates(file, SecretFile.readText(file, ""));
        if (certificates.isEmpty()) {
            throw new IOException(file + " has no certificate, expected PEM with BEGIN CERTIFICATE");
        }
        return certificates;
    }

    /**
     * Makes a key in {@code file}, for its owner only; a file that is there is left alone. Blocks.
     *
     * @param name stands in the certificate, for people
     * @return whether there was none
     * @throws IOException with a sentence for the user
     */
    public static boolean make(Path file, String name) throws IOException {
        if (Files.exists(file)) {
            return false;
        }
        Path directory = file.toAbsolutePath().getParent();
        try {
            if (directory != null) {
                Files.createDirectories(directory);
            }
            String text = write(SelfSigned.make(name));
            try (SeekableByteChannel made = Files.newByteChannel(
                    file,
                    EnumSet.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")))) {
                try {
                    ByteBuffer bytes = StandardCharsets.US_ASCII.encode(text);
                    while (bytes.hasRemaining()) {
                        made.write(bytes);
                    }
                    giveToOwnerOf(directory, file);
                } catch (IOException e) {
                    Files.delete(file); // or the next one would take it for a key
                    throw e;
                }
            }
            return true;
        } catch (FileAlreadyExistsException e) {
            return false;
        } catch (IOException e) {
            throw new IOException("cannot write " + file + ": " + SecretFile.reason(e), e);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("it was encoded before", e);
        }
    }

    private static String write(Identity identity) throws GeneralSecurityException {
        return Pem.write("PRIVATE KEY", identity.key.getEncoded())
                + Pem.write("CERTIFICATE", identity.chain.get(0).getEncoded());
    }

    /**
     * Root makes keys for an agent that runs as somebody else, in the directory which that one has: it may put a link
     * in the place of the file, and must not be given what is behind it.
     */
    private static void giveToOwnerOf(@Nullable Path directory, Path file) throws IOException {
        FileOwnerAttributeView own =
                Files.getFileAttributeView(file, FileOwnerAttributeView.class, LinkOption.NOFOLLOW_LINKS);
        if (directory != null && !Files.getOwner(directory).equals(own.getOwner())) {
            own.setOwner(Files.getOwner(directory));
        }
    }

    /** The name of the key. */
    public Fingerprint fingerprint() {
        return Fingerprint.of(chain.get(0).getPublicKey());
    }

    /** Whose the certificate is, as it says. */
    String subject() {
        return chain.get(0).getSubjectX500Principal().toString();
    }

    /** Whether nobody else vouches for it. */
    boolean isSelfSigned() {
        X509Certificate own = chain.get(0);
        return own.getIssuerX500Principal().equals(own.getSubjectX500Principal());
    }

    /**
     * Which certificate is not valid at that time, a few words; empty: none. Who lists the key does not look at that.
     */
    public Optional<String> lapse(Instant now) {
        for (X509Certificate certificate : chain) {
            String whose = "the certificate of " + certificate.getSubjectX500Principal();
            Instant from = certificate.getNotBefore().toInstant();
            Instant until = certificate.getNotAfter().toInstant();
            if (now.isAfter(until)) {
                return Optional.of(whose + " has expired on " + until);
            } else if (now.isBefore(from)) {
                return Optional.of(whose + " is not valid before " + from);
            }
        }
        return Optional.empty();
    }

    PrivateKey key() {
        return key;
    }

    X509Certificate[] chain() {
        return chain.toArray(new X509Certificate[0]);
    }

    private static PrivateKey privateKey(Path file, String text) throws IOException {
        for (Pem.Block block : Pem.read(text)) {
            switch (block.label()) {
                case "PRIVATE KEY" -> {
                    return pkcs8(file, bytes(file, block));
                }
                case "ENCRYPTED PRIVATE KEY" ->
                    throw new IOException(file + " has a passphrase, which an agent cannot type; remove it with"
                            + " `openssl pkcs8 -in OLD -out NEW`");
                case "EC PRIVATE KEY", "RSA PRIVATE KEY" ->
                    throw new IOException(file + " has a key in an old form; convert it with"
                            + " `openssl pkcs8 -topk8 -nocrypt -in OLD -out NEW`");
                default -> {} // a certificate, say
            }
        }
        throw new IOException(file + " has no private key, expected PEM with BEGIN PRIVATE KEY");
    }

    private static byte[] bytes(Path file, Pem.Block block) throws IOException {
        try {
            return block.bytes();
        } catch (IllegalArgumentException e) {
            throw new IOException(file + ": what stands in BEGIN " + block.label() + " is not base64");
        }
    }

    private static PrivateKey pkcs8(Path file, byte[] bytes) throws IOException {
        for (String algorithm : List.of("EC", "RSA")) {
            try {
                return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(bytes));
            } catch (InvalidKeySpecException e) {
                // of another kind; said below if it is of none, without the exception, which might hold some of it
            } catch (GeneralSecurityException e) {
                throw new IllegalStateException("every JDK has EC and RSA", e);
            }
        }
        throw new IOException(file + " has a private key that is neither EC nor RSA");
    }

    private static List<X509Certificate> certificates(Path file, String text) throws IOException {
        List<X509Certificate> certificates = new ArrayList<>();
        for (Pem.Block block : Pem.read(text)) {
            if (block.label().equals("CERTIFICATE")) {
                try {
                    certificates.add((X509Certificate) CertificateFactory.getInstance("X.509")
                            .generateCertificate(new ByteArrayInputStream(bytes(file, block))));
                } catch (GeneralSecurityException e) {
                    throw new IOException(
                            file + " has a certificate that cannot be read: "
                                    + OneLine.of(String.valueOf(e.getMessage())),
                            e);
                }
            }
        }
        return certificates;
    }

    private static boolean belongTogether(PrivateKey key, PublicKey certified) {
        byte[] message = {1, 2, 3};
        try {
            Signature signature =
                    Signature.getInstance("EC".equals(key.getAlgorithm()) ? "SHA256withECDSA" : "SHA256withRSA");
            signature.initSign(key);
            signature.update(message);
            byte[] signed = signature.sign();
            signature.initVerify(certified);
            signature.update(message);
            return signature.verify(signed);
        } catch (GeneralSecurityException e) {
            return false; // of different kinds
        }
    }

    @Override
    public String toString() {
        return fingerprint().toString();
    }
}
