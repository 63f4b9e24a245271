package dev.culvert.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.culvert.bench.Results.Row;
import dev.culvert.bench.work.Web;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BaselineTest {
    private static final Row REQUESTS = new Row("loopback", new Web(true, 1));

    @TempDir
    private Path directory;

    private Baseline baseline;

    /** A good run: half of direct, twice the Go forwarder. */
    @BeforeEach
    void keepAGoodRun() {
        baseline = new Baseline(directory.resolve("baseline.json"));
        baseline.save(run(100, 200, 50));
    }

    @Test
    void theSameAgainHasNotFallen() {
        assertThat(baseline.fallen(run(100, 200, 50))).isEmpty();
    }

    @Test
    void aSlowerMachineHasNotFallen() {
        assertThat(baseline.fallen(run(10, 20, 5))).isEmpty();
    }

    @Test
    void aRateThatFellBesideEveryYardstickHasFallen() {
        assertThat(baseline.fallen(run(60, 200, 50)))
                .containsExactly(
                        "loopback/requests culvert:go-smux was 2.00 and is 1.20 at best",
                        "loopback/requests culvert:direct was 0.500 and is 0.300 at best");
    }

    @Test
    void aYardstickThatHadAGoodMomentProvesNothing() {
        assertThat(baseline.fallen(run(100, 200, 100))).isEmpty();
        assertThat(baseline.fallen(run(100, 400, 50))).isEmpty();
    }

    @Test
    void theBestRoundCounts() {
        Results results = run(60, 200, 50);
        add(results, 90, 200, 50);

        assertThat(baseline.fallen(results)).isEmpty();
    }

    @Test
    void aRunWithNothingToCompareIsAFailure() {
        assertThatThrownBy(() -> baseline.fallen(new Results()))
                .isInstanceOf(BenchFailure.class)
                .hasMessageContaining("nothing of this run can be compared");
    }

    private static Results run(double culvert, double direct, double go) {
        Results results = new Results();
        add(results, culvert, direct, go);
        return results;
    }

    private static void add(Results results, double culvert, double direct, double go) {
        results.add(REQUESTS, "culvert", Map.of(Web.REQUESTS, culvert));
        results.add(REQUESTS, "direct", Map.of(Web.REQUESTS, direct));
        results.add(REQUESTS, "go-smux", Map.of(Web.REQUESTS, go));
    }
}
