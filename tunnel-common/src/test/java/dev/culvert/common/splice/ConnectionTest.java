package dev.culvert.common.splice;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.mux.ErrorCode;
import io.netty.channel.DefaultEventLoop;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.Ticker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Who hears that a connection is cut off. */
class ConnectionTest {
    private final EventLoop loop = new DefaultEventLoop();
    private final Connection connection =
            new Connections(Ticker.systemTicker()).add("id", "forward", "", "source", "target");
    private final List<String> heard = new ArrayList<>();

    @AfterEach
    void stop() {
        loop.shutdownGracefully(0, 5, TimeUnit.SECONDS).syncUninterruptibly();
    }

    private void cut() {
        connection.cut(ErrorCode.CANCELLED, "killed");
    }

    private void takeOn(String who) {
        connection.onCut(loop, (code, reason) -> heard.add(who + ": " + reason));
    }

    /** Does {@code action} there, and then what that has left for the loop to do. */
    private void onLoop(Runnable action) throws InterruptedException {
        loop.submit(action).sync();
        loop.submit(() -> {}).sync();
    }

    @Test
    void oneThatWaitsIsCutOffWhenItIsTakenOn() throws Exception {
        cut();
        onLoop(() -> takeOn("uplink"));
        assertThat(heard).containsExactly("uplink: killed");
    }

    @Test
    void oneThatHasAnotherOwnerByNowIsCutOffByThat() throws Exception {
        onLoop(() -> {
            takeOn("dial");
            connection.cutIfIdle(Duration.ZERO);
            takeOn("splice");
        });
        assertThat(heard).containsExactly("splice: idle for 0 ms while draining");
    }

    @Test
    void oneThatIsBetweenTwoSessionsIsCutOffByTheNext() throws Exception {
        onLoop(() -> {
            takeOn("first");
            cut();
            connection.leave();
        });
        assertThat(heard).isEmpty();
        onLoop(() -> takeOn("second"));
        assertThat(heard).containsExactly("second: killed");
    }
}
