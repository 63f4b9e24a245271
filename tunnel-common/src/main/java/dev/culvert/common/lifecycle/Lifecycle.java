package dev.culvert.common.lifecycle;

import dev.culvert.common.admin.Backend;
import dev.culvert.common.admin.Predecessor;
import dev.culvert.common.config.AgentConfig;
import dev.culvert.common.config.BadConfig;
import dev.culvert.common.splice.Connection;
import dev.culvert.common.systemd.SystemdNotifier;
import dev.culvert.mux.ErrorCode;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufAllocatorMetric;
import io.netty.buffer.ByteBufAllocatorMetricProvider;
import io.netty.util.concurrent.Ticker;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The life of an agent, in the main thread: start, READY, wait for a signal, drain, end.
 *
 * <p>The first SIGTERM or SIGINT drains; a second one cuts off what is left at once. SIGHUP has the configuration read
 * again, SIGUSR1 asks for a {@link #report}. A process that takes over has this one drain, too: with more time, until
 * there is a SIGTERM, which it passes on when it is told to end itself.
 */
final class Lifecycle {
    private static final Logger LOG = LoggerFactory.getLogger(Lifecycle.class);

    /** Everything ended by itself. */
    static final int DRAINED = 0;
    /** Connections were reset at the end. */
    static final int CUT_OFF = 3;

    private static final Duration STEP = Duration.ofSeconds(1);
    /** A reload that takes longer is stuck. */
    private static final Duration MOST_READING = Duration.ofMinutes(1);
    /** What systemd gives the process beyond the drain deadline. */
    private static final Duration SPARE = Duration.ofSeconds(10);

    /** What resets and farewells may take to get out. */
    private static final Duration LAST_WORDS = Duration.ofSeconds(2);

    private static final String DRAINS = "this agent drains";
    private static final String IS_TAKEN_OVER =
            "not reloaded: another process is about to take over, which reads the configuration itself";

    private final Agent agent;
    private final Path file;
    private SystemdNotifier notifier;
    private final LoopWatch watch;
    private final History history;
    private final @Nullable Duration watchdog;
    private final Inheritance inheritance;
    private final Succession succession;
    private final Duration step;
    private boolean stuck;
    /** Another process has taken over, and nobody waits for the end of this one. */
    private boolean hasTime;
    /** It was asked for before the agent lived. */
    private boolean reloadWaits;

    private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();

    private volatile boolean draining;
    /** Who waits for the next reload; null: nobody. */
    private @Nullable CompletableFuture<Backend.Answer> asked;

    private enum Event {
        SIGNAL,
        DRAIN,
        RELOAD,
        HEIR_IS_READY,
        DRAINED
    }

    /**
     * Before its start.
     *
     * @param watchdog how often it wants to hear of us; null: it does not
     * @param before whose place the agent takes, if anybody's
     * @param launcher how to start a successor, if that is known
     * @param service whether systemd watches this process
     */
    Lifecycle(
            Agent agent,
            Path file,
            SystemdNotifier notifier,
            @Nullable Duration watchdog,
            @Nullable Predecessor before,
            Optional<Launcher> launcher,
            boolean service) {
        this.agent = agent;
        this.file = file;
        this.notifier = notifier;
        this.watchdog = watchdog;
        inheritance = new Inheritance(agent, before);
        succession = new Succession(agent, launcher, service, () -> events.add(Event.HEIR_IS_READY));
        step = watchdog == null || watchdog.dividedBy(4).compareTo(STEP) > 0 ? STEP : watchdog.dividedBy(4);
        watch = new LoopWatch(agent.loops(), Ticker.systemTicker());
        history = new History(agent.connections(), agent.sessions(), Ticker.systemTicker());
    }

    /** Somebody wants the agent to end. Any thread. */
    void signal() {
        events.add(Event.SIGNAL);
    }

    /** Somebody wants the agent to drain: whoever asks for that again does not want more. Any thread. */
    void requestDrain() {
        events.add(Event.DRAIN);
    }

    /** Somebody has changed the configuration. Any thread. */
    void reload() {
        events.add(Event.RELOAD);
    }

    /**
     * The same, for somebody who wants to know what came of it. One who asks again before it begins hears the same. Any
     * thread.
     */
    synchronized CompletableFuture<Backend.Answer> requestReload() {
        if (draining) {
            return CompletableFuture.completedFuture(new Backend.Answer(false, DRAINS));
        }
        CompletableFuture<Backend.Answer> pending = asked;
        if (pending == null) {
            pending = new CompletableFuture<>();
            asked = pending;
            events.add(Event.RELOAD);
        }
        return pending;
    }

    /** Takes who waits for what begins now: who asks from here on may have changed the file after it is read. */
    private synchronized CompletableFuture<Backend.Answer> takeAsked() {
        CompletableFuture<Backend.Answer> pending = asked;
        asked = null;
        return pending == null ? new CompletableFuture<>() : pending;
    }

    /** What a reload would do. Any thread. */
    CompletableFuture<Backend.Answer> plan() {
        return CompletableFuture.supplyAsync(() -> {
            try {
                return new Backend.Answer(true, agent.plan(file).toString());
            } catch (BadConfig | StartFailure e) {
                return new Backend.Answer(false, "a reload would change nothing:\n" + e.getMessage());
            }
        });
    }

    boolean isDraining() {
        return draining;
    }

    Succession succession() {
        return succession;
    }

    LoopWatch watch() {
        return watch;
    }

    History history() {
        return history;
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

    /**
     * Starts, and takes over if there was somebody before; until then nothing is accepted, so nothing is lost if it
     * fails.
     */
    void start() throws StartFailure, InterruptedException {
        agent.start();
        inheritance.take(this::isToldToEnd);
        agent.accept();
        notifier.ready();
        if (reloadWaits) {
            reload();
        }
    }

    private boolean isToldToEnd(Duration within) throws InterruptedException {
        Event event = await(within);
        reloadWaits |= event == Event.RELOAD;
        return isEnd(event);
    }

    /** Lives. Returns the exit code. */
    int run() throws InterruptedException {
        String told = "";
        for (Event event = await(step);
                !isEnd(event) && !(event == Event.HEIR_IS_READY && letGo());
                event = await(step)) {
            look();
            if (event == Event.RELOAD) {
                readAgain();
            } else {
                agent.refresh();
            }
            String status = agent.status() + history;
            if (!status.equals(told)) {
                notifier.status(status);
                told = status;
            }
        }
        refuseReloads();
        succession.end();
        notifier.stopping();
        return drain();
    }

    private void refuseReloads() {
        synchronized (this) { // or who asks at this moment would never hear
            draining = true;
        }
        takeAsked().complete(new Backend.Answer(false, DRAINS));
    }

    /**
     * Another process takes over, if it has not changed its mind: systemd is to look at that one, and hears nothing
     * more of this.
     */
    private boolean letGo() {
        return succession.letGo(heir -> {
            LOG.info("pid {} has taken over", heir);
            hasTime = true;
            notifier.mainProcess(heir);
            notifier = SystemdNotifier.NONE;
        });
    }

    /** Looks at the event loops, and tells the watchdog if all of them work. */
    private void look() {
        history.sample();
        if (watch.allHaveAnswered()) {
            if (watchdog != null) {
                notifier.alive();
            }
            stuck = false;
        } else if (!stuck) {
            for (String where : watch.stuck()) {
                stuck = true;
                LOG.error("an event loop is stuck, its connections with it: {}", where);
            }
        }
        watch.ask();
    }

    private static boolean isEnd(@Nullable Event event) {
        return event == Event.SIGNAL || event == Event.DRAIN;
    }

    private void readAgain() throws InterruptedException {
        CompletableFuture<Backend.Answer> pending = takeAsked();
        if (!succession.mayChange()) {
            LOG.warn(IS_TAKEN_OVER);
            pending.complete(new Backend.Answer(false, IS_TAKEN_OVER));
            return;
        }
        notifier.reloading();
        Optional<String> complaint = awaitReload();
        if (complaint.isEmpty()) {
            LOG.info("reloaded {}", file);
            pending.complete(new Backend.Answer(true, "reloaded " + file));
        } else {
            LOG.warn("not reloaded, nothing has changed:\n{}", complaint.get());
            pending.complete(new Backend.Answer(false, "not reloaded, nothing has changed:\n" + complaint.get()));
        }
        succession.changed();
        notifier.ready();
    }

    /** It may wait for name servers, longer than the watchdog wants to wait for this thread; but not for ever. */
    private Optional<String> awaitReload() throws InterruptedException {
        FutureTask<Optional<String>> reload = new FutureTask<>(this::tryReload);
        new Thread(reload, "reload").start();
        long begun = System.nanoTime();
        while (true) {
            try {
                return reload.get(step.toNanos(), TimeUnit.NANOSECONDS);
            } catch (TimeoutException e) {
                if (System.nanoTime() - begun < MOST_READING.toNanos()) {
                    look();
                }
            } catch (ExecutionException e) {
                throw new IllegalStateException(e.getCause());
            }
        }
    }

    /** Reads the configuration again. What is wrong; empty: it holds from now on. */
    private Optional<String> tryReload() throws InterruptedException {
        try {
            agent.reload(file);
            return Optional.empty();
        } catch (BadConfig | StartFailure e) {
            return Optional.of(String.valueOf(e.getMessage()));
        }
    }

    private int drain() throws InterruptedException {
        agent.drain().addListener(done -> inheritance.whenAlone(() -> events.add(Event.DRAINED)));
        Drain drain = beginDrain();
        while (!drain.left().isNegative()) {
            look();
            drain.cutIdle();
            notifier.stillStopping(drain.left().plus(SPARE));
            notifier.status(drain.toString());
            Event event = await(drain.left().compareTo(step) < 0 ? drain.left() : step);
            if (event == Event.DRAINED) {
                LOG.info("drained");
                return DRAINED;
            }
            if (event == Event.SIGNAL && !hasTime) {
                inheritance.terminate();
                return cutOff(drain, "a second signal");
            }
            if (event == Event.SIGNAL) {
                hasTime = false;
                drain = beginDrain();
            }
        }
        return cutOff(drain, "the drain deadline of " + timeout().toMillis() + " ms has passed");
    }

    private Drain beginDrain() {
        if (!hasTime) {
            inheritance.terminate();
        }
        Drain drain = new Drain(
                agent.connections(), timeout(), agent.config().drain().idle().orElse(null), Ticker.systemTicker());
        LOG.info("{}", drain);
        return drain;
    }

    private Duration timeout() {
        AgentConfig config = agent.config();
        return hasTime && !config.servesStockPeers()
                ? config.drain().upgradeTimeout()
                : config.drain().timeout();
    }

    private int cutOff(Drain drain, String why) throws InterruptedException {
        var left = drain.waitingFor();
        for (Connection connection : left) {
            LOG.warn("{}: resetting {}", why, connection);
        }
        agent.cut(ErrorCode.DRAINING, why);
        long deadline = System.nanoTime() + LAST_WORDS.toNanos();
        @Nullable Event event = Event.SIGNAL;
        while (event != null && event != Event.DRAINED) {
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
