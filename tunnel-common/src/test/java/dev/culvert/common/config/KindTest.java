package dev.culvert.common.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.culvert.mux.HostPort;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class KindTest {
    private enum Fruit {
        APPLE,
        RED_PEAR;

        @Override
        public String toString() {
            return this == APPLE ? "apple" : "red-pear";
        }
    }

    private static final Kind<Integer> INTEGER = Kind.integer(1, 64);
    private static final Kind<Long> SIZE = Kind.size(1024, 4L << 30);
    private static final Kind<Duration> DURATION = Kind.duration(Duration.ofMillis(100), Duration.ofMinutes(10));

    @ParameterizedTest
    @CsvSource({"1,1", "64,64", "007,7"})
    void aWholeNumberIsReadWithinItsRange(String text, int number) {
        assertThat(INTEGER.parse(text)).isEqualTo(number);
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "65", "1.5", "1e1", "", "x", "99999999999999999999", "5s"})
    void anythingElseIsNotAWholeNumber(String text) {
        assertThatThrownBy(() -> INTEGER.parse(text)).hasMessage(", expected a whole number from 1 to 64");
    }

    @ParameterizedTest
    @CsvSource({"1k,1024", "1024,1024", "64 KiB,65536", "1.5m,1572864", "4g,4294967296", "2kB,2000"})
    void aSizeIsReadWithinItsRange(String text, long bytes) {
        assertThat(SIZE.parse(text)).isEqualTo(bytes);
    }

    @ParameterizedTest
    @ValueSource(strings = {"5g", "0.5k"})
    void aSizeOutOfItsRangeIsNotTaken(String text) {
        assertThatThrownBy(() -> SIZE.parse(text)).hasMessage(", expected a size from 1k to 4g");
    }

    @ParameterizedTest
    @ValueSource(strings = {"1023", "-1k", "64q", "", "much", "10Mbit", "99999999999999g", "1e4k", "1e-999999999k"})
    void whoWritesNoUnitOfSizesIsToldOfThem(String text) {
        assertThatThrownBy(() -> SIZE.parse(text))
                .hasMessage(", expected a size from 1k to 4g; write 64k, 16m or 1g, for without a unit it is bytes");
    }

    @ParameterizedTest
    @CsvSource({"100ms,100", "250,250", "1.5s,1500", "10 minutes,600000"})
    void aDurationIsReadWithinItsRange(String text, long millis) {
        assertThat(DURATION.parse(text)).isEqualTo(Duration.ofMillis(millis));
    }

    @ParameterizedTest
    @ValueSource(strings = {"99ms", "601s", "-5s"})
    void aDurationOutOfItsRangeIsNotTaken(String text) {
        assertThatThrownBy(() -> DURATION.parse(text)).hasMessage(", expected a duration from 100ms to 10m");
    }

    @ParameterizedTest
    @ValueSource(strings = {"5", "soon", "30sec", "5 fortnights", "9999999999999999999h", "infinite"})
    void whoWritesNoUnitOfDurationsIsToldOfThem(String text) {
        assertThatThrownBy(() -> DURATION.parse(text))
                .hasMessage(", expected a duration from 100ms to 10m; write 500ms, 30s or 2h, for without a unit it is"
                        + " milliseconds");
    }

    @ParameterizedTest
    @CsvSource({"true,true", "yes,true", "on,true", "false,false", "no,false", "off,false"})
    void aFlagHasTheWordsOfHocon(String text, boolean flag) {
        assertThat(Kind.flag().parse(text)).isEqualTo(flag);
    }

    @Test
    void anythingElseIsNotAFlag() {
        assertThatThrownBy(() -> Kind.flag().parse("maybe")).hasMessage(", expected true or false");
    }

    @Test
    void anAddressMayBeIpv6() {
        assertThat(Kind.hostPort().parse("[::1]:80")).isEqualTo(new HostPort("::1", 80));
    }

    @ParameterizedTest
    @ValueSource(strings = {"80800", "", "a"})
    void whatHasNoColonIsNoAddress(String text) {
        assertThatThrownBy(() -> Kind.hostPort().parse(text))
                .hasMessage(", expected HOST:PORT such as \"127.0.0.1:8080\"");
    }

    @ParameterizedTest
    @CsvSource({
        "*:80,0.0.0.0",
        "http://a:80,'HOST:PORT and nothing else'",
        "https://a,'HOST:PORT and nothing else'",
        "a:,HOST:PORT",
        ":1,HOST:PORT",
        "a:b,number",
        "a:65536,65535",
        "a:-1,65535",
        "::1:80,brackets",
        "a b:1,space"
    })
    void aBadAddressIsToldWhatIsBad(String text, String reason) {
        assertThatThrownBy(() -> Kind.hostPort().parse(text))
                .message()
                .startsWith(": ")
                .contains(reason);
    }

    @Test
    void port0IsForListeningOnly() {
        assertThat(Kind.listenAddress().parse("a:0")).isEqualTo(new HostPort("a", 0));
        assertThatThrownBy(() -> Kind.hostPort().parse("a:0")).hasMessage(", expected a port from 1 to 65535");
    }

    @Test
    void aChoiceIsOneOfItsWords() {
        assertThat(Kind.oneOf(Fruit.class).parse("red-pear")).isEqualTo(Fruit.RED_PEAR);
        assertThatThrownBy(() -> Kind.oneOf(Fruit.class).parse("plum")).hasMessage(", expected one of apple, red-pear");
    }

    @Test
    void offIsEmpty() {
        assertThat(Kind.offOr(INTEGER).parse("off")).isEmpty();
        assertThat(Kind.offOr(INTEGER).parse("5")).contains(5);
        assertThatThrownBy(() -> Kind.offOr(INTEGER).parse("on"))
                .hasMessage(", expected off or a whole number from 1 to 64");
    }

    @Test
    void aKindOfItsOwnSaysWhyItRefuses() {
        Kind<TimeUnit> unit = Kind.of("a unit such as \"DAYS\"", TimeUnit.DAYS, text -> {
            throw new IllegalArgumentException("there are no " + text);
        });
        assertThatThrownBy(() -> unit.parse("parsecs")).hasMessage(": there are no parsecs");
    }
}
