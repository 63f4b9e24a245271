package dev.culvert.common.config;

import dev.culvert.common.tls.Authority;
import dev.culvert.common.tls.Fingerprint;
import dev.culvert.common.tls.Identity;
import dev.culvert.common.tls.SecretFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The files that say who an agent is, and perhaps who may say who others are.
 *
 * @param keyFile PEM, the private key
 * @param certFile PEM, its certificate and those that lead to the CA; may be {@code keyFile}
 * @param caFile PEM, the certificates of the authorities that are trusted
 */
public record TlsConfig(Path keyFile, Path certFile, Optional<Path> caFile) {
    /** The name of a key, as the {@code keygen} command prints it. */
    public static final Kind<Fingerprint> FINGERPRINT = Kind.of(
            "\"SHA256:...\", which `keygen` prints on the other machine",
            Fingerprint.parse("SHA256:" + "A".repeat(43)),
            Fingerprint::parse);

    /**
     * Reads {@code key-file}, {@code cert-file} and {@code ca-file}, and the files themselves, to find out whether they
     * can be used.
     *
     * @param defaultKey where the key is if the section does not say
     */
    public static TlsConfig read(Section section, Path defaultKey) {
        TlsConfig config = locate(section, defaultKey);
        try {
            config.identity();
        } catch (IOException e) {
            section.error("key-file", String.valueOf(e.getMessage()));
        }
        try {
            config.authority();
        } catch (IOException e) {
            section.error("ca-file", String.valueOf(e.getMessage()));
        }
        return config;
    }

    /** The same, without a look at the files: they may not be there yet. */
    public static TlsConfig locate(Section section, Path defaultKey) {
        Path keyFile = section.findFile("key-file").orElse(defaultKey);
        return new TlsConfig(keyFile, section.findFile("cert-file").orElse(keyFile), section.findFile("ca-file"));
    }

    /**
     * Where an agent's key is by default: {@code $STATE_DIRECTORY}, which systemd sets; else {@code /var/lib/culvert}
     * for root, and {@code $XDG_STATE_HOME/culvert} or {@code ~/.local/state/culvert} for anybody else.
     *
     * @param agent {@code client} or {@code server}
     */
    public static Path defaultKey(String agent) {
        return stateDirectory(System.getenv(), System.getProperty("user.name"), System.getProperty("user.home"))
                .resolve(agent + ".key");
    }

    static Path stateDirectory(Map<String, String> environment, @Nullable String user, @Nullable String home) {
        String given = environment.get("STATE_DIRECTORY");
        if (given != null && !given.isEmpty()) {
            return Path.of(given.split(":", 2)[0]);
        }
        if ("root".equals(user)) {
            return Path.of("/var/lib/culvert");
        }
        String state = environment.get("XDG_STATE_HOME");
        return (state != null && !state.isEmpty() ? Path.of(state) : Path.of(String.valueOf(home), ".local", "state"))
                .resolve("culvert");
    }

    /** Reads the key and its certificate. Blocks; throws with a sentence for the user. */
    public Identity identity() throws IOException {
        return Identity.read(keyFile, certFile);
    }

    /** Reads the authorities, if any. Blocks; throws with a sentence for the user. */
    public Optional<Authority> authority() throws IOException {
        return caFile.isPresent() ? Optional.of(Authority.read(caFile.get())) : Optional.empty();
    }

    /**
     * A digest of the files and of who may read them, to find out whether either has changed; empty: nobody can say
     * now. Blocks.
     */
    public Optional<String> content() {
        return content(Optional.empty());
    }

    /** The same, with another file. */
    public Optional<String> content(Optional<Path> another) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            for (Path file : Stream.of(Stream.of(keyFile, certFile), caFile.stream(), another.stream())
                    .flatMap(files -> files)
                    .toList()) {
                Optional<String> state = SecretFile.state(file);
                if (state.isEmpty()) {
                    return Optional.empty();
                }
                digest.update(state.get().getBytes(StandardCharsets.UTF_8));
            }
            return Optional.of(HexFormat.of().formatHex(digest.digest()));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    /** A few words for people: our key's name, and where it is. */
    public String describe() {
        try {
            Identity own = identity();
            return "TLS 1.3, own key " + own + " (" + keyFile + ")"
                    + own.lapse(Instant.now()).map(lapse -> ", but " + lapse).orElse("")
                    + caFile.map(file -> ", CA " + file).orElse("");
        } catch (IOException e) {
            return "TLS 1.3, but " + e.getMessage();
        }
    }
}
