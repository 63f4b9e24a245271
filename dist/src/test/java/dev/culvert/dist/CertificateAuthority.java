package dev.culvert.dist;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** A CA made by openssl, always of the same name, which signs whatever a test wants it to. */
final class CertificateAuthority {
    private static final String CONFIG = """
            [req]
            distinguished_name = any
            [ca]
            default_ca = signing
            [signing]
            database = index.txt
            new_certs_dir = .
            rand_serial = yes
            unique_subject = no
            default_md = sha256
            default_days = 30
            policy = any
            copy_extensions = copy
            [any]
            commonName = supplied
            """;
    private static final String[] NEW_KEY = {
        "req", "-config", "ca.conf", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"
    };

    /** A key, and a PEM file that shows whose it is: its certificate, then those that lead to the CA. */
    record Issued(Path key, Path certificates) {}

    private final Path directory;
    private final Issued own;
    private final boolean root;

    private CertificateAuthority(Path directory, Issued own, boolean root) {
        this.directory = directory;
        this.own = own;
        this.root = root;
    }

    /** A new one, with its files in {@code directory}. */
    static CertificateAuthority make(Path directory) {
        try {
            Files.createDirectories(directory);
            Files.writeString(directory.resolve("ca.conf"), CONFIG);
            Files.createFile(directory.resolve("index.txt"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return new CertificateAuthority(
                directory, selfSigned(directory, "ca", "basicConstraints=critical,CA:TRUE"), true);
    }

    /** Its certificate, for {@code ca-file}. */
    Path certificate() {
        return own.certificates;
    }

    /** For a DNS name, valid now. */
    Issued issue(String name) {
        return issue(name, List.of());
    }

    /** For a time of its own, such as {@code 20200101000000Z}. */
    Issued issue(String name, String from, String until) {
        return issue(name, List.of(), "-startdate", from, "-enddate", until);
    }

    /** For one purpose only, such as {@code serverAuth} (RFC 5280, section 4.2.1.12). */
    Issued issueFor(String purpose, String name) {
        return issue(name, List.of("-addext", "extendedKeyUsage=" + purpose));
    }

    /** Nobody but its owner has signed it. The name is the common name, and may be anything. */
    Issued selfSigned(String name) {
        return selfSigned(directory, name, "keyUsage=digitalSignature");
    }

    /** One that signs with a certificate of this CA that is not for signing. */
    CertificateAuthority pretending(Issued leaf) {
        return new CertificateAuthority(directory, leaf, false);
    }

    private static Issued selfSigned(Path directory, String name, String extension) {
        Path key = newFile(directory, ".key");
        Path certificate = newFile(directory, ".pem");
        makeKey(directory, key, certificate, name, List.of("-x509", "-days", "30", "-addext", extension));
        return new Issued(key, certificate);
    }

    private Issued issue(String name, List<String> extensions, String... validity) {
        Path key = newFile(directory, ".key");
        Path request = newFile(directory, ".csr");
        Path certificates = newFile(directory, ".pem");
        List<String> options = new ArrayList<>(List.of("-new", "-addext", "subjectAltName=DNS:" + name));
        options.addAll(extensions);
        makeKey(directory, key, request, name, options);
        List<String> sign = new ArrayList<>(List.of("ca", "-config", "ca.conf", "-batch", "-notext"));
        Collections.addAll(sign, "-cert", own.certificates.toString(), "-keyfile", own.key.toString());
        Collections.addAll(sign, "-in", request.toString(), "-out", certificates.toString());
        Collections.addAll(sign, validity);
        OpenSsl.run(directory, sign.toArray(new String[0]));
        Issued issued = new Issued(key, certificates);
        return root ? issued : followed(issued);
    }

    /** Shows, too, who has signed. */
    private Issued followed(Issued issued) {
        try {
            String chain = Files.readString(issued.certificates) + Files.readString(own.certificates);
            Files.writeString(issued.certificates, chain);
            return issued;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void makeKey(Path directory, Path key, Path out, String name, List<String> options) {
        List<String> words = new ArrayList<>();
        Collections.addAll(words, NEW_KEY);
        Collections.addAll(words, "-subj", "/CN=" + name, "-keyout", key.toString(), "-out", out.toString());
        words.addAll(options);
        OpenSsl.run(directory, words.toArray(new String[0]));
    }

    private static Path newFile(Path directory, String suffix) {
        try {
            return Files.createTempFile(directory, "", suffix);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
