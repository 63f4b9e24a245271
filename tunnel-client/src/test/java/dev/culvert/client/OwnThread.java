package dev.culvert.client;

import static org.awaitility.Awaitility.await;

import io.netty.channel.ManualIoEventLoop;
import java.time.Duration;
import java.util.concurrent.Callable;

/** Event loops that run on the test's own thread. */
final class OwnThread {
    private OwnThread() {}

    /** Runs {@code loop} until {@code done}, or fails after a while. */
    static void until(ManualIoEventLoop loop, Callable<Boolean> done) {
        await().pollInSameThread()
                .pollDelay(Duration.ZERO)
                .pollInterval(Duration.ofMillis(1))
                .until(() -> {
                    loop.runNow();
                    return done.call();
                });
    }
}
