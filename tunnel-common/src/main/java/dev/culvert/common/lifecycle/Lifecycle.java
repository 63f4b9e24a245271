package dev.culvert.common.lifecycle;

import dev.culvert.common.config.BadConfig;
import dev.culvert.common.config.DrainConfig;
import dev.culvert.common.splice.Connection;
import dev.culvert.common.systemd.SystemdNotifier;
import dev.culvert.mux.ErrorCode;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufAllocatorMetric;
import io.netty.buffer.ByteBufAllocatorMetricProvider;
import io.netty.util.concurrent.Ticker;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The life of an agent, in the main thread: start, READY, wait for a signal, drain, end.
 *
 * <p>The first SIGTERM or SIGINT drains; a second one cuts off what is left at once. SIGHUP has the
 * configuration read again, SIGUSR1 asks for a {@link #report}.
 */
final class Lifecycle {
    private static final Logger LOG = LoggerFactory.getLogger(Lifecycle.class);

    /** Everything ended by itself. */
    static final int DRAINED = 0;
    /** Connections were reset at the end. */
    static final int CUT_OFF = 3;

    private static final Duration STEP = Duration.ofSeconds(1);
    /** What resets and farewells may take to get out. */
    private static final Duration LAST_WORDS = Duration.ofSeconds(2);

    private final Agent agent;
    private final Path file;
    private final DrainConfig drainConfig;
    private final SystemdNotifier notifier;
    private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();

    private enum Event {
        SIGNAL,
        RELOAD,
        DRAINED
    }

    Lifecycle(Agent agent, Path file, DrainConfig drainConfig, SystemdNotifier notifier) {
        this.agent = agent;
        this.file = file;
        this.drainConfig = drainConfig;
        this.notifier = notifier;
    }

    /** Somebody wants the agent to end. Any thread. */
    void signal() {
        events.add(Event.SIGNAL);
    }

    /** Somebody has changed the configuration. Any thread. */
    void reload() {
        events.add(Event.RELOAD);
    }

    /** Writes to the log what the agent is doing, and what memory it takes. Any thread. */
    void report() {
        Runtime jvm = Runtime.getRuntime();
        ByteBufAllocatorMetric buffers = ((ByteBufAllocatorMetricProvider) ByteBufAllocator.DEFAULT).metric();
        LOG.info(
                "state: {}, heap {} KiB, buffers {} KiB",
                agent.status(),
                (jvm.totalMemory() - jvm.freeMemory()) >> 10,
                (buffers.usedDirectMemory() + buffers.usedHeapMemory()) >> 10);
        agent.sessions().report();
    }

    /** Lives. Returns the exit code. */
    int run() throws StartFailure, InterruptedException {
        agent.start();
        notifier.ready();
        String told = "";
        Event event;
        while ((event = await(STEP)) != Event.SIGNAL) {
            if (event == Event.RELOAD) {
                readAgain();
            } else {
                agent.refresh();
            }
            String status = agent.status();
            if (!status.equals(told)) {
                notifier.status(status);
                told = status;
            }
        }
        notifier.stopping();
        return drain();
    }

    private void readAgain() {
        try {
            agent.reload(file);
            LOG.info("reloaded {}", file);
        } catch (BadConfig e) {
            LOG.warn("not reloaded, nothing has changed:\n{}", e.getMessage());
        }
    }

    private int drain() throws InterruptedException {
        agent.drain().addListener(done -> events.add(Event.DRAINED));
        Drain drain = new Drain(
                agent.connections(), drainConfig.timeout(), drainConfig.idle().orElse(null), Ticker.systemTicker());
        LOG.info("{}", drain);
        while (!drain.left().isNegative()) {
            drain.cutIdle();
            notifier.status(drain.toString());
            Event event = await(drain.left().compareTo(STEP) < 0 ? drain.left() : STEP);
            if (event == Event.DRAINED) {
                LOG.info("drained");
                return DRAINED;
            }
            if (event == Event.SIGNAL) {
                return cutOff(drain, "a second signal");
            }
        }
        return cutOff(drain, "the drain deadline of " + drainConfig.timeout().toMillis() + " ms has passed");
    }

    private int cutOff(Drain drain, String why) throws InterruptedException {
        var left = drain.waitingFor();
        for (Connection connection : left) {
            LOG.warn("{}: resetting {}", why, connection);
        }
        agent.cut(ErrorCode.DRAINING, why);
        long deadline = System.nanoTime() + LAST_WORDS.toNanos();
        Event event = Event.SIGNAL;
        while (event == Event.SIGNAL || event == Event.RELOAD) {
            event = await(Duration.ofNanos(Math.max(0, deadline - System.nanoTime())));
        }
        if (event == null) {
            LOG.warn("{}: not everything ended within {} ms", why, LAST_WORDS.toMillis());
        }
        return left.isEmpty() ? DRAINED : CUT_OFF;
    }

    private @Nullable Event await(Duration time) throws InterruptedException {
        return events.poll(time.toNanos(), TimeUnit.NANOSECONDS);
    }
}
