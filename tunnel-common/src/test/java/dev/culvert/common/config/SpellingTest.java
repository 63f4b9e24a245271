package dev.culvert.common.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SpellingTest {
    private static final List<String> WORDS = List.of("half-close", "stall-timeout", "sessions", "streams");

    @ParameterizedTest
    @CsvSource({"'',abc,3", "abc,'',3", "kitten,sitting,3", "flaw,lawn,2", "same,same,0"})
    void theDistanceIsTheLettersToChange(String from, String to, int distance) {
        assertThat(Spelling.distance(from, to)).isEqualTo(distance);
    }

    @ParameterizedTest
    @CsvSource({"sesions,sessions", "Sessions,sessions", "halfClose,half-close", "stall_timeout,stall-timeout"})
    void theNearestWordWasMeant(String written, String meant) {
        assertThat(Spelling.nearest(written, WORDS)).contains(meant);
    }

    @Test
    void aWordThatIsFarFromAllMeantNone() {
        assertThat(Spelling.nearest("certificate", WORDS)).isEmpty();
    }
}
