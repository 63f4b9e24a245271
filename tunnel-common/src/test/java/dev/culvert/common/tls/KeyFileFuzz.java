package dev.culvert.common.tls;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;

/** Files of keys and certificates that a coverage-guided fuzzer thinks of: each is read or refused in a sentence. */
class KeyFileFuzz {
    private static final Identity STRANGER = SelfSigned.make("ca");

    @FuzzTest(maxDuration = "60s")
    void aFileIsReadOrRefused(byte[] bytes) throws IOException {
        Path file = Files.createTempFile("culvert", ".key"); // for its owner only, as a key has to be
        try {
            Files.write(file, bytes);
            readAsKey(file);
            readAsAuthority(file);
        } finally {
            Files.delete(file);
        }
    }

    private static void readAsKey(Path file) {
        try {
            Identity identity = Identity.read(file, file);
            assertThat(identity)
                    .hasToString(
                            Fingerprint.of(identity.chain()[0].getPublicKey()).toString());
        } catch (IOException refused) {
            isSentence(refused, file);
        }
    }

    private static void readAsAuthority(Path file) {
        Authority authority;
        try {
            authority = Authority.read(file);
        } catch (IOException refused) {
            isSentence(refused, file);
            return;
        }
        assertThatThrownBy(() -> authority.checkClient(STRANGER.chain())).isInstanceOf(UntrustedPeer.class);
    }

    private static void isSentence(IOException refused, Path file) {
        assertThat(refused.getMessage())
                .contains(file.toString())
                .doesNotContainPattern("\\p{Cc}")
                .hasSizeLessThan(1200);
    }

    /** What one of the files that this target begins with holds. */
    static Identity seed(String name) {
        try (InputStream seed =
                KeyFileFuzz.class.getResourceAsStream("KeyFileFuzzInputs/aFileIsReadOrRefused/" + name)) {
            Path file = Files.createTempFile("culvert", ".key");
            try {
                Files.write(file, Objects.requireNonNull(seed).readAllBytes());
                return Identity.read(file, file);
            } finally {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
