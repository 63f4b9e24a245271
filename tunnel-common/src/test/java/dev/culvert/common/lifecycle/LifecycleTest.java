package dev.culvert.common.lifecycle;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.culvert.common.admin.Backend;
import dev.culvert.common.config.AdminConfig;
import dev.culvert.common.config.AgentConfig;
import dev.culvert.common.config.DrainConfig;
import dev.culvert.common.config.LogConfig;
import dev.culvert.common.net.ListeningSocket;
import dev.culvert.common.splice.Connections;
import dev.culvert.common.systemd.SystemdNotifier;
import dev.culvert.mux.ErrorCode;
import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.ImmediateEventExecutor;
import io.netty.util.concurrent.Ticker;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.slf4j.LoggerFactory;

class LifecycleTest {
    private final FakeAgent agent = new FakeAgent();
    private final Lifecycle lifecycle = lifecycle();

    private Lifecycle lifecycle() {
        return new Lifecycle(agent, Path.of("a.conf"), SystemdNotifier.NONE, null, null, Optional.empty(), false);
    }

    private static final class FakeAgent implements Agent {
        private final Connections connections = new Connections(Ticker.systemTicker());
        private final Sessions sessions = new Sessions(connections, Ticker.systemTicker());
        Runnable whileItReads = () -> {};
        boolean servesStockPeers;
        int reloads;
        int cuts;

        @Override
        public void start() {}

        @Override
        public void accept() {}

        @Override
        public List<ListeningSocket> sockets() {
            return List.of();
        }

        @Override
        public void handOver() {}

        @Override
        public void reload(Path file) {
            reloads++;
            whileItReads.run();
        }

        @Override
        public Plan plan(Path file) {
            return new Plan(List.of(), List.of());
        }

        @Override
        public AgentConfig config() {
            return new AgentConfig() {
                @Override
                public DrainConfig drain() {
                    return new DrainConfig(Duration.ofSeconds(30), Duration.ofHours(1), Optional.empty());
                }

                @Override
                public boolean servesStockPeers() {
                    return servesStockPeers;
                }

                @Override
                public AdminConfig admin() {
                    throw new AssertionError("nobody asks");
                }

                @Override
                public LogConfig log() {
                    throw new AssertionError("nobody asks");
                }

                @Override
                public long mostConnections() {
                    return 0;
                }

                @Override
                public String describe() {
                    return "";
                }
            };
        }

        @Override
        public void refresh() {}

        @Override
        public Future<?> drain() {
            return ImmediateEventExecutor.INSTANCE.newSucceededFuture(null);
        }

        @Override
        public void cut(ErrorCode code, String reason) {
            cuts++;
        }

        @Override
        public Connections connections() {
            return connections;
        }

        @Override
        public Sessions sessions() {
            return sessions;
        }

        @Override
        public List<OfferStatus> offers() {
            return List.of();
        }

        @Override
        public List<String> troubles() {
            return List.of();
        }

        @Override
        public Iterable<EventExecutor> loops() {
            return List.of();
        }

        @Override
        public String status() {
            return "";
        }

        @Override
        public void close() {}
    }

    /** The file may have been changed after it was read. */
    @Test
    void whoAsksForAReloadWhileTheFileIsReadHasItReadOnceMore() throws Exception {
        List<CompletableFuture<Backend.Answer>> answers = new ArrayList<>();
        agent.whileItReads = () -> {
            if (answers.size() == 1) {
                answers.add(lifecycle.requestReload());
                lifecycle.signal();
            }
        };
        answers.add(lifecycle.requestReload());
        lifecycle.run();

        assertThat(agent.reloads).isEqualTo(2);
        assertThat(answers)
                .allSatisfy(
                        answer -> assertThat(answer).isCompletedWithValue(new Backend.Answer(true, "reloaded a.conf")));
    }

    @Test
    void theWatchdogHearsOfAnAgentThatReadsForLong() throws Exception {
        CountDownLatch heard = new CountDownLatch(3);
        SystemdNotifier notifier = assignment -> {
            if (assignment.equals("WATCHDOG=1")) {
                heard.countDown();
            }
        };
        Lifecycle watched =
                new Lifecycle(agent, Path.of("a.conf"), notifier, Duration.ofMillis(40), null, Optional.empty(), false);
        AtomicBoolean inTime = new AtomicBoolean();
        agent.whileItReads = () -> {
            try {
                inTime.set(heard.await(10, TimeUnit.SECONDS));
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        };
        watched.reload();
        watched.signal();
        watched.run();
        assertThat(inTime).isTrue();
    }

    @Test
    void whoAsksForADrainBesideASignalDoesNotCutAnythingOff() throws Exception {
        lifecycle.signal();
        lifecycle.requestDrain();
        lifecycle.requestDrain();
        assertThat(lifecycle.run()).isZero();
        assertThat(agent.cuts).isZero();

        Lifecycle asked = lifecycle();
        asked.requestDrain();
        asked.signal();
        asked.run();
        assertThat(agent.cuts).isOne();
    }

    /** Nobody waits for the end of the old process, but a stock peer stays with it until then. */
    @ParameterizedTest
    @CsvSource({"false, 3600", "true, 30"})
    void whoHasBeenTakenOverHasTheTimeOfAnUpgradeUnlessItServesStockPeers(boolean stock, int seconds) throws Exception {
        agent.servesStockPeers = stock;
        ListAppender<ILoggingEvent> log = new ListAppender<>();
        log.start();
        Logger logger = (Logger) LoggerFactory.getLogger(Lifecycle.class);
        logger.addAppender(log);
        try {
            lifecycle.succession().announce(4711).ready();
            assertThat(lifecycle.run()).isZero();
        } finally {
            logger.detachAppender(log);
        }

        assertThat(log.list)
                .map(ILoggingEvent::getFormattedMessage)
                .contains("pid 4711 has taken over")
                .filteredOn(line -> line.startsWith("draining: "))
                .singleElement()
                .satisfies(line -> assertThat(Integer.parseInt(line.replaceAll(".*, (\\d+) s to go.*", "$1")))
                        .isBetween(seconds - 10, seconds)); // some have passed
    }

    /** Many times, since they seldom meet. */
    @Test
    void whoAsksForAReloadAtTheMomentInWhichADrainBeginsIsAnswered() throws Exception {
        for (int i = 0; i < 4_000; i++) {
            Lifecycle one = lifecycle();
            one.signal();
            AtomicReference<CompletableFuture<Backend.Answer>> last = new AtomicReference<>(one.requestReload());
            Thread asker = new Thread(() -> {
                while (!one.isDraining()) {
                    last.set(one.requestReload());
                }
            });
            asker.start();
            one.run();
            asker.join(10_000);
            assertThat(asker.isAlive()).isFalse();
            assertThat(last.get()).isDone();
        }
    }
}
