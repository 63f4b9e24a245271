package dev.culvert.common.lifecycle;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.common.splice.Connection;
import dev.culvert.common.splice.Connections;
import io.netty.util.concurrent.ImmediateEventExecutor;
import io.netty.util.concurrent.MockTicker;
import io.netty.util.concurrent.Ticker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class DrainTest {
    private static final Duration TIMEOUT = Duration.ofSeconds(30);
    private static final Duration IDLE = Duration.ofSeconds(5);

    private final MockTicker clock = Ticker.newMockTicker();
    private final Connections connections = new Connections(clock);
    private final List<String> cut = new ArrayList<>();

    private Connection connection(String id) {
        Connection connection = connections.add(id, "web", "", "127.0.0.1:1000", "127.0.0.1:80");
        connection.onCut(ImmediateEventExecutor.INSTANCE, (code, reason) -> {
            cut.add(id + ": " + reason);
            connection.end(null, reason);
        });
        return connection;
    }

    @Test
    void itNamesWhatItWaitsFor() {
        connection("a1-1");
        Drain drain = new Drain(connections, TIMEOUT, null, clock);
        clock.advance(10, TimeUnit.SECONDS);

        assertThat(drain).hasToString("draining: 1 connections left, 20 s to go: a1-1");
    }

    @Test
    void itIsOverdueAfterTheTimeout() {
        Drain drain = new Drain(connections, TIMEOUT, null, clock);
        clock.advance(31, TimeUnit.SECONDS);

        assertThat(drain.left()).isEqualTo(Duration.ofSeconds(-1));
    }

    @Test
    void idleConnectionsAreCutOffWhenTheyHaveBeenIdleLongEnough() {
        connection("quiet");
        Drain drain = new Drain(connections, TIMEOUT, IDLE, clock);
        clock.advance(4, TimeUnit.SECONDS);
        drain.cutIdle();
        assertThat(cut).isEmpty();

        clock.advance(1, TimeUnit.SECONDS);
        drain.cutIdle();
        assertThat(cut).containsExactly("quiet: idle for 5000 ms while draining");
        assertThat(drain.waitingFor()).isEmpty();
    }

    @Test
    void aFlowOfDatagramsThatIsQuietIsNotWaitedFor() {
        connection("flow").ofDatagrams();
        connection("quiet");
        Drain drain = new Drain(connections, TIMEOUT, null, clock);
        clock.advance(5, TimeUnit.SECONDS);
        drain.cutIdle();

        assertThat(cut).containsExactly("flow: idle for 5000 ms while draining");
    }

    @Test
    void withoutIdleTheQuietStayUntilTheDeadline() {
        connection("quiet");
        Drain drain = new Drain(connections, TIMEOUT, null, clock);
        clock.advance(29, TimeUnit.SECONDS);
        drain.cutIdle();

        assertThat(cut).isEmpty();
    }
}
