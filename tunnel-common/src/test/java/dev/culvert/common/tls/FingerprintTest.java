package dev.culvert.common.tls;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FingerprintTest {
    private static final String TEXT = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";

    @Test
    void whatIsWrittenIsReadAgain() {
        assertThat(Fingerprint.parse(TEXT)).hasToString(TEXT).isEqualTo(Fingerprint.parse(TEXT + "="));
        assertThat(Fingerprint.parse(TEXT)).isNotEqualTo(Fingerprint.parse(TEXT.replace('4', '5')));
    }

    @Test
    void itIsThatOfThePublicKey() {
        Identity identity = SelfSigned.make("test");
        assertThat(identity.fingerprint()).isEqualTo(Fingerprint.of(identity.chain()[0].getPublicKey()));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "SHA256:", "sha256:47DEQpj8", "SHA256:47DEQpj8HBSa", "MD5:aa:bb", "SHA256:!!!!"})
    void anythingElseIsRefused(String text) {
        assertThatThrownBy(() -> Fingerprint.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("as `keygen` prints it");
    }
}
