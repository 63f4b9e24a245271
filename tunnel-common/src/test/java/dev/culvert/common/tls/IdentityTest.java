package dev.culvert.common.tls;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Base64;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class IdentityTest {
    @TempDir
    private Path directory;

    private Path file;

    @BeforeEach
    void make() throws IOException {
        file = directory.resolve("state/agent.key");
        assertThat(Identity.make(file, "agent")).isTrue();
    }

    IdentityTest() {
        file = Path.of("set before each test");
    }

    @Test
    void aMadeKeyIsForItsOwnerOnlyAndCanBeRead() throws Exception {
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-------");
        Identity identity = Identity.read(file, file);
        assertThat(identity.fingerprint().toString()).matches("SHA256:[A-Za-z0-9+/]{43}");
        assertThat(identity.chain()).hasSize(1);
        identity.chain()[0].verify(identity.chain()[0].getPublicKey());
        assertThat(identity.chain()[0].getNotAfter().toInstant()).isEqualTo("9999-12-31T23:59:59Z");
        assertThat(identity.chain()[0].getSubjectX500Principal().getName()).isEqualTo("CN=agent");
    }

    @Test
    void aKeyThatIsThereIsLeftAlone() throws Exception {
        String before = Files.readString(file);
        assertThat(Identity.make(file, "agent")).isFalse();
        assertThat(Files.readString(file)).isEqualTo(before);
    }

    @Test
    void noTwoKeysAreEqual() throws Exception {
        Path other = directory.resolve("other.key");
        Identity.make(other, "agent");
        assertThat(Identity.read(other, other).fingerprint())
                .isNotEqualTo(Identity.read(file, file).fingerprint());
    }

    /** What it leads to may come later, as with a disk that is not mounted yet. */
    @Test
    void aLinkInThePlaceOfAKeyIsLeftAlone() throws Exception {
        Path link = Files.createSymbolicLink(directory.resolve("link.key"), directory.resolve("later.key"));

        assertThat(Identity.make(link, "agent")).isFalse();
        assertThat(link).isSymbolicLink();
        assertThat(directory.resolve("later.key")).doesNotExist();
    }

    @ParameterizedTest
    @ValueSource(strings = {"rw----r--", "rw-rw----", "rw-----w-"})
    void aKeyThatOthersCanReadIsRefused(String permissions) throws Exception {
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(permissions));
        assertThatThrownBy(() -> Identity.read(file, file))
                .isInstanceOf(IOException.class)
                .hasMessage(file + " can be read or written by others (" + permissions
                        + "); it holds a private key: chmod 600 " + file);
    }

    @Test
    void aKeyMayBeReadByItsGroup() throws Exception {
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("r--r-----"));
        assertThat(Identity.read(file, file)).isNotNull();
    }

    @Test
    void itsOwnWordsHaveNothingOfTheKey() throws Exception {
        Identity identity = Identity.read(file, file);
        String key = Base64.getEncoder().encodeToString(identity.key().getEncoded());
        assertThat(identity.toString()).isEqualTo(identity.fingerprint().toString());
        Files.writeString(file, "-----BEGIN PRIVATE KEY-----\n" + key.substring(4) + "\n-----END PRIVATE KEY-----\n");
        assertThatThrownBy(() -> Identity.read(file, file))
                .hasMessage(file + " has a private key that is neither EC nor RSA")
                .hasNoCause();
    }

    @Test
    void aCertificateOfAnotherKeyIsRefused() throws Exception {
        Path other = directory.resolve("other.key");
        Identity.make(other, "agent");
        assertThatThrownBy(() -> Identity.read(file, other))
                .hasMessage("the first certificate in " + other + " is not that of the key in " + file);
    }

    @Test
    void whatIsMissingOrMadeOtherwiseIsToldWithAdvice() throws Exception {
        assertThatThrownBy(() -> Identity.read(directory.resolve("none"), file))
                .hasMessage(directory.resolve("none") + ": no such file; `keygen` makes a key");
        assertThatThrownBy(() -> Identity.read(Path.of("/dev/zero"), file))
                .hasMessage("cannot read /dev/zero: it is no file");
        String good = Files.readString(file);
        refused("nothing", "no private key, expected PEM with BEGIN PRIVATE KEY");
        refused(block("EC PRIVATE KEY", "AAAA"), "openssl pkcs8 -topk8 -nocrypt");
        refused(block("ENCRYPTED PRIVATE KEY", "AAAA"), "has a passphrase");
        refused(block("PRIVATE KEY", "A"), "what stands in BEGIN PRIVATE KEY is not base64");
        refused(good.substring(0, good.indexOf("-----BEGIN CERT")), "has no certificate");
        refused(
                good.substring(0, good.indexOf("-----BEGIN CERT")) + block("CERTIFICATE", "AAAA"),
                "has a certificate that cannot be read");
    }

    /** The JDK takes base64 of PEM for PEM, and JDK 17 quotes the line that it does not understand. */
    @Test
    void whatItQuotesOfACertificateIsOneLine() throws Exception {
        String good = Files.readString(file);
        String inside = Base64.getEncoder()
                .encodeToString("-----BEGIN \u001b[2J\nAAAA\n-----END X-----\n".getBytes(StandardCharsets.US_ASCII));
        Files.writeString(file, good.substring(0, good.indexOf("-----BEGIN CERT")) + block("CERTIFICATE", inside));

        assertThatThrownBy(() -> Identity.read(file, file))
                .message()
                .contains("has a certificate that cannot be read")
                .doesNotContainPattern("\\p{Cc}");
    }

    private static String block(String label, String base64) {
        return "-----BEGIN " + label + "-----\n" + base64 + "\n-----END " + label + "-----\n";
    }

    private void refused(String content, String sentence) throws IOException {
        Files.writeString(file, content);
        assertThatThrownBy(() -> Identity.read(file, file))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(sentence);
    }
}
