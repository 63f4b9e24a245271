package dev.culvert.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.bench.Results.Figure;
import dev.culvert.bench.Results.Row;
import dev.culvert.bench.work.Web;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class ResultsTest {
    private static final Row REQUESTS = new Row("loopback", new Web(true, 1));

    private final Results results = new Results();

    @Test
    void theMedianOfAnOddNumberOfRoundsIsTheOneInTheMiddle() {
        assertThat(Figure.of(List.of(3.0, 1.0, 2.0))).isEqualTo(new Figure(2, 1, 3, 3));
    }

    @Test
    void theMedianOfAnEvenNumberOfRoundsIsBetweenTheTwoInTheMiddle() {
        assertThat(Figure.of(List.of(10.0, 1.0, 2.0, 4.0))).isEqualTo(new Figure(3, 1, 10, 4));
    }

    @Test
    void aRatioIsOfTheSameRound() {
        rounds("culvert", 100, 300);
        rounds("direct", 200, 300);

        assertThat(results.ratio(REQUESTS.name(), Web.REQUESTS, "culvert", "direct"))
                .contains(new Figure(0.75, 0.5, 1, 2));
    }

    @Test
    void aRoundThatThePeerDoesNotHaveIsNotCompared() {
        rounds("culvert", 100, 300, 900);
        rounds("direct", 200);

        assertThat(results.ratio(REQUESTS.name(), Web.REQUESTS, "culvert", "direct"))
                .contains(new Figure(0.5, 0.5, 0.5, 1));
        assertThat(results.ratio(REQUESTS.name(), Web.REQUESTS, "culvert", "ssh"))
                .isEmpty();
    }

    @Test
    void theBestHasTheHighestMedianOfARate() {
        rounds("a", 1, 1, 1000);
        rounds("b", 2, 2, 2);

        assertThat(results.best(REQUESTS.name(), Web.REQUESTS, Stream.of("a", "b", "missing")))
                .contains(Map.entry("b", 2.0));
    }

    @Test
    void everyRoundIsInTheJson() {
        rounds("culvert", 100, 300);
        results.missing("frp", "no frpc");

        assertThat(results.json(Map.of("cores", "2")).replaceAll("\\s", ""))
                .contains("\"loopback/requests\":{\"culvert\":{\"requests1/s\":[100.0,300.0]}}")
                .contains("\"missing\":{\"frp\":\"nofrpc\"}")
                .contains("\"cores\":\"2\"");
    }

    private void rounds(String peer, double... values) {
        Arrays.stream(values).forEach(value -> results.add(REQUESTS, peer, Map.of(Web.REQUESTS, value)));
    }
}
