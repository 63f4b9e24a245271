package dev.culvert.common.lifecycle;

import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.SingleThreadEventExecutor;
import io.netty.util.concurrent.Ticker;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/**
 * Gives every event loop something small to do, again and again, and notes how long it takes until it is done. A loop
 * that is stuck does not answer: neither would its connections.
 */
final class LoopWatch {
    /** A loop that has not answered for so long is stuck, ns. */
    static final long STUCK = TimeUnit.SECONDS.toNanos(3);

    /** And it was looked at so often meanwhile: else the whole process stood still, as after SIGSTOP. */
    private static final int LOOKS = 2;

    private final List<Probe> probes = new ArrayList<>();
    private final Ticker ticker;

    LoopWatch(Iterable<? extends EventExecutor> loops, Ticker ticker) {
        this.ticker = ticker;
        loops.forEach(loop -> probes.add(new Probe(loop)));
    }

    /**
     * How one loop is doing.
     *
     * @param name of its thread
     * @param lagNanos how long it took to answer the last time, or how long it has not answered by now
     */
    record Loop(String name, long lagNanos) {}

    /** Asks every loop that has answered the last question. One thread only. */
    void ask() {
        probes.forEach(Probe::ask);
    }

    /** Whether every loop has answered the last question. Any thread. */
    boolean allHaveAnswered() {
        return probes.stream().noneMatch(probe -> probe.waiting);
    }

    /** Any thread. */
    List<Loop> loops() {
        return probes.stream().map(probe -> new Loop(probe.name(), probe.lag())).toList();
    }

    /** What the loops that are stuck are at, for the log. The thread that asks. */
    List<String> stuck() {
        return probes.stream()
                .filter(probe -> probe.waiting && probe.looks >= LOOKS && probe.lag() >= STUCK)
                .map(Probe::whereabouts)
                .toList();
    }

    private final class Probe {
        private final EventExecutor loop;
        private volatile boolean waiting;
        private volatile long askedAt;
        private volatile long lag;
        /** Since it was asked. */
        private int looks;

        Probe(EventExecutor loop) {
            this.loop = loop;
        }

        void ask() {
            if (waiting) {
                looks++;
            } else {
                looks = 0;
                askedAt = ticker.nanoTime();
                waiting = true;
                try {
                    loop.execute(() -> {
                        lag = ticker.nanoTime() - askedAt;
                        waiting = false;
                    });
                } catch (RejectedExecutionException e) { // it has ended, in good order
                    waiting = false;
                }
            }
        }

        long lag() {
            return waiting ? Math.max(lag, ticker.nanoTime() - askedAt) : lag;
        }

        String name() {
            return loop instanceof SingleThreadEventExecutor thread
                    ? thread.threadProperties().name()
                    : loop.toString();
        }

        String whereabouts() {
            return loop instanceof SingleThreadEventExecutor thread
                    ? name()
                            + Arrays.stream(thread.threadProperties().stackTrace())
                                    .map(frame -> "\n\tat " + frame)
                                    .collect(Collectors.joining())
                    : name();
        }
    }
}
