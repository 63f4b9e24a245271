package dev.culvert.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.bench.Results.Row;
import dev.culvert.bench.peer.Culvert;
import dev.culvert.bench.work.Memory;
import dev.culvert.bench.work.Memory.Held;
import dev.culvert.bench.work.Web;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportTest {
    private final Results results = new Results();

    @TempDir
    private Path directory;

    @Test
    void theBestIsFirstAndTheMissingAreNamed() throws IOException {
        Row row = new Row("loopback", new Web(true, 1));
        results.add(row, "go-smux", Map.of(Web.REQUESTS, 100.0));
        results.add(row, "culvert", Map.of(Web.REQUESTS, 300.0));
        results.add(row, "culvert", Map.of(Web.REQUESTS, 200.0));
        results.missing("frp", "no frpc");
        results.failed(row, "ssh", "no sshd\nand more");

        assertThat(report())
                .contains("- missing: frp, no frpc")
                .contains("| culvert | 250 (200 to 300) |\n| go-smux | 100 |")
                .contains("| requests, requests, culvert | at least 2.5 x go-smux | 2.50 x | kept |")
                .contains("- loopback/requests: ssh: no sshd\n");
    }

    @Test
    void memoryIsDrawnByWhatIsHeld() throws Exception {
        for (int count : new int[] {0, 10, 20}) {
            results.add(
                    new Row("loopback", new Memory(Held.IDLE, count)),
                    "culvert",
                    Map.of(Memory.ENTRY, 80.0 + count, Memory.EXIT, 90.0));
        }

        assertThat(report()).contains("![memory](growth-idle-entry.svg)").contains("![memory](growth-idle-exit.svg)");
        Path plot = directory.resolve("growth-idle-entry.svg");
        String points = DocumentBuilderFactory.newInstance()
                .newDocumentBuilder()
                .parse(plot.toFile())
                .getElementsByTagName("polyline")
                .item(0)
                .getAttributes()
                .getNamedItem("points")
                .getNodeValue();
        assertThat(points).isEqualTo("60.0,112.0 310.0,86.0 560.0,60.0");
    }

    private String report() throws IOException {
        new Report(results, List.of(new Culvert("culvert", directory, false))).write(directory, Map.of());
        return Files.readString(directory.resolve("report.md"));
    }
}
