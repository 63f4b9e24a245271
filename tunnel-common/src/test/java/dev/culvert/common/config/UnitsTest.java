package dev.culvert.common.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class UnitsTest {
    @ParameterizedTest
    @CsvSource({"0,0s", "100,100ms", "1500,1500ms", "5000,5s", "60000,1m", "90000,90s", "3600000,1h", "86400000,24h"})
    void aDurationNeedsNoFraction(long millis, String text) {
        assertThat(Units.of(Duration.ofMillis(millis))).isEqualTo(text);
    }

    @ParameterizedTest
    @CsvSource({"0,0", "1,1", "1024,1k", "32760,32760", "1572864,1536k", "33554432,32m", "4294967296,4g"})
    void aSizeNeedsNoFraction(long bytes, String text) {
        assertThat(Units.of(bytes)).isEqualTo(text);
    }
}
