package dev.culvert.common.lifecycle;

import dev.culvert.common.admin.Predecessor;
import java.io.IOException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** How this process takes the place of another one, if there is any; the other side of it is {@link Succession}. */
final class Inheritance {
    private static final Logger LOG = LoggerFactory.getLogger(Inheritance.class);

    /** A session to a server takes a moment. */
    private static final Duration READY_WITHIN = Duration.ofSeconds(10);

    private static final Duration LOOK_EVERY = Duration.ofMillis(20);

    private final Agent agent;
    private final @Nullable Predecessor before;

    Inheritance(Agent agent, @Nullable Predecessor before) {
        this.agent = agent;
        this.before = before;
    }

    /** Waits for a while. */
    @FunctionalInterface
    interface Pause {
        /** Whether the agent has been told to end meanwhile. */
        boolean of(Duration time) throws InterruptedException;
    }

    /**
     * Takes over as soon as the agent, which has started, is ready. If that fails the other process goes on, and has
     * lost nothing.
     */
    void take(Pause pause) throws StartFailure, InterruptedException {
        if (before == null) {
            return;
        }
        long deadline = System.nanoTime() + READY_WITHIN.toNanos();
        while (!agent.troubles().isEmpty()) {
            if (System.nanoTime() > deadline) {
                throw new StartFailure("not ready to take over within " + READY_WITHIN.toSeconds()
                        + " s, so the agent that runs goes on: " + String.join("; ", agent.troubles()));
            }
            if (pause.of(LOOK_EVERY)) {
                throw new StartFailure("told to end before it had taken over: the agent that runs goes on");
            }
        }
        try {
            before.leave();
        } catch (IOException e) {
            throw new StartFailure(e);
        }
        LOG.info("taken over; the process before this one drains");
    }

    /** Passes on that the agent is to end, to a process that still drains. */
    void terminate() {
        if (before != null) {
            before.terminate();
        }
    }

    /**
     * Runs an action when the other process has ended: as long as it drains, systemd would kill it at the end of this
     * one.
     */
    void whenAlone(Runnable action) {
        if (before == null) {
            action.run();
        } else {
            before.ended().thenRun(action);
        }
    }
}
