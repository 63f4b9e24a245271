package dev.culvert.common.lifecycle;

import dev.culvert.common.admin.Backend;
import dev.culvert.common.net.ListeningSocket;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How this process gives its place to another one: an heir, which somebody has started by hand, or which
 * {@link #upgrade} has. What can fail does so before this process lets go; then it goes on as if nothing had been. Any
 * thread.
 */
final class Succession {
    private static final Logger LOG = LoggerFactory.getLogger(Succession.class);

    /** All together are less than who asks for an upgrade waits; an heir waits for its session in the second. */
    private static final Duration CHECK_PATIENCE = Duration.ofSeconds(30);

    private static final Duration HEIR_PATIENCE = Duration.ofSeconds(18);

    /** How long a process that gives up may take to say why: it lets go of this one before it does. */
    private static final Duration LAST_WORDS = Duration.ofSeconds(3);

    private static final long PID_OF_INIT = 1;

    private static final String IT_HAS_ENDED =
            "the new process has ended before it could take over, and its log says why";

    private final Agent agent;
    private final Optional<Launcher> launcher;
    private final boolean service;
    private final Runnable whenReady;
    /** Held by whoever needs that what is listened on stays, or changes it: an heir, a reload. */
    private final Semaphore turn = new Semaphore(1);

    /** What has been started to take over, if anything. */
    private final AtomicReference<@Nullable Heir> started = new AtomicReference<>();
    /** Who has announced itself. */
    private volatile @Nullable Heir announced;
    /** Who is ready to take over. */
    private volatile @Nullable Heir ready;

    private volatile boolean over;

    /**
     * Without an heir.
     *
     * @param launcher how to start one, if that is known
     * @param service whether systemd watches this process: it takes for an heir only what was started here
     * @param whenReady is run when an heir is, and has {@link #letGo} called
     */
    Succession(Agent agent, Optional<Launcher> launcher, boolean service, Runnable whenReady) {
        this.agent = agent;
        this.launcher = launcher;
        this.service = service;
        this.whenReady = whenReady;
    }

    /** A process that is to take over. */
    private static final class Heir {
        private final long pid;
        /** Done when it has, and fails, with a sentence, when it will not. */
        private final CompletableFuture<Void> hasTakenOver = new CompletableFuture<>();
        /** Whether it takes over: the first who decides does. */
        private final AtomicBoolean isDecided = new AtomicBoolean();

        Heir(long pid) {
            this.pid = pid;
        }

        /** It does not, unless it has been decided. */
        void fail(String why) {
            if (decide()) {
                hasTakenOver.completeExceptionally(new IOException(why));
            }
        }

        boolean decide() {
            return isDecided.compareAndSet(false, true);
        }
    }

    /** Whether what is listened on may be changed now; then {@link #changed} is to follow. */
    boolean mayChange() {
        return turn.tryAcquire();
    }

    void changed() {
        turn.release();
    }

    /** Another process wants to take over. */
    Backend.Heir announce(long pid) throws IOException {
        Heir own = started.get();
        Heir heir;
        if (own != null && own.pid == pid) {
            heir = own;
        } else if (service) {
            throw new IOException("it is a service of systemd, which knows only processes that it has started itself:"
                    + " `upgrade` has it do that");
        } else {
            heir = new Heir(pid);
        }
        if (over || heir.hasTakenOver.isDone()) {
            throw new IOException("it is too late, this one drains or the upgrade was given up");
        }
        if (!turn.tryAcquire()) {
            throw new IOException("it reads its configuration, or another process is about to take over: try again");
        }
        announced = heir;
        heir.hasTakenOver.whenComplete((done, failure) -> {
            if (failure != null) {
                turn.release();
            }
        });
        return new Backend.Heir() {
            @Override
            public List<ListeningSocket> sockets() {
                return agent.sockets();
            }

            @Override
            public CompletableFuture<Void> ready() {
                ready = heir;
                whenReady.run();
                return heir.hasTakenOver;
            }

            @Override
            public void gone() {
                heir.fail(IT_HAS_ENDED);
            }
        };
    }

    /**
     * Has the heir take over that is ready, if it still wants to.
     *
     * @param farewell gets its process id before it knows
     */
    boolean letGo(LongConsumer farewell) {
        Heir heir = ready;
        if (heir == null || !heir.decide()) {
            return false;
        }
        farewell.accept(heir.pid);
        agent.handOver();
        heir.hasTakenOver.complete(null);
        return true;
    }

    /** This process ends. Who has not taken over by now does not. */
    void end() {
        over = true;
        Heir heir = announced;
        if (heir != null) {
            heir.fail("it was told to end");
        }
    }

    /** Starts the program anew, and has it take over. */
    CompletableFuture<Backend.Answer> upgrade() {
        if (launcher.isEmpty()) {
            return refuse("this agent was not started by its launcher, so where that is nobody knows: start the new"
                    + " version by hand, with `take-over`");
        }
        if (isOneThatAContainerEndsWith()) {
            return refuse("this is the first process of a container, or what its init has started, and the container"
                    + " ends with it: start a new container instead");
        }
        CompletableFuture<Backend.Answer> answer = new CompletableFuture<>();
        CompletableFuture.runAsync(() -> upgrade(launcher.get(), answer)).whenComplete((begun, failure) -> {
            if (failure != null) {
                answer.completeExceptionally(failure);
            }
        });
        return answer;
    }

    /**
     * Such as the only child of the init that {@code docker run --init} brings. Of a parent outside of the container
     * nobody is told.
     */
    private boolean isOneThatAContainerEndsWith() {
        ProcessHandle own = ProcessHandle.current();
        return own.pid() == PID_OF_INIT
                || (!service
                        && isInContainer()
                        && own.parent().map(ProcessHandle::pid).orElse(PID_OF_INIT) == PID_OF_INIT);
    }

    private static boolean isInContainer() {
        return System.getenv().containsKey("KUBERNETES_SERVICE_HOST")
                || Files.exists(Path.of("/.dockerenv"))
                || Files.exists(Path.of("/run/.containerenv")); // Podman's
    }

    private static CompletableFuture<Backend.Answer> refuse(String why) {
        return CompletableFuture.completedFuture(new Backend.Answer(false, why));
    }

    /**
     * Blocks until the heir has begun. What comes then is told by whoever decides it: there may be no time for another
     * thread.
     */
    private void upgrade(Launcher launcher, CompletableFuture<Backend.Answer> answer) {
        try {
            Optional<String> complaint = launcher.complaint(CHECK_PATIENCE);
            if (complaint.isPresent()) {
                answer.complete(unchanged("\n" + complaint.get()));
                return;
            }
            Launcher.Begun next = launcher.takeOver();
            Heir heir = new Heir(next.process().pid());
            if (!started.compareAndSet(null, heir)) {
                next.process().destroyForcibly();
                answer.complete(unchanged(" another upgrade is under way"));
                return;
            }
            next.process().onExit().thenRun(() -> heir.fail(IT_HAS_ENDED));
            CompletableFuture.delayedExecutor(HEIR_PATIENCE.toMillis(), TimeUnit.MILLISECONDS)
                    .execute(() ->
                            heir.fail("the new process has not taken over within " + HEIR_PATIENCE.toSeconds() + " s"));
            heir.hasTakenOver.whenComplete((done, failure) -> {
                if (failure == null) {
                    answer.complete(new Backend.Answer(
                            true,
                            "pid %d has taken over, pid %d drains"
                                    .formatted(heir.pid, ProcessHandle.current().pid())));
                } else {
                    giveUp(next.process(), () -> answer.complete(unchanged(" " + failure.getMessage())));
                }
            });
            next.go();
        } catch (IOException e) {
            answer.complete(unchanged(" " + e.getMessage()));
        } catch (InterruptedException e) {
            throw new IllegalStateException(e); // nobody does
        }
    }

    /** Ends what was started and has not taken over. It may say why first, unless this process is about to end. */
    private void giveUp(ProcessHandle process, Runnable answer) {
        Runnable end = () -> {
            process.destroyForcibly();
            started.set(null);
            answer.run();
        };
        if (over) {
            end.run();
        } else {
            process.onExit()
                    .completeOnTimeout(process, LAST_WORDS.toMillis(), TimeUnit.MILLISECONDS)
                    .thenRun(end);
        }
    }

    private static Backend.Answer unchanged(String why) {
        String text = "not upgraded, nothing has changed:" + why;
        LOG.warn("{}", text); // whoever has asked may be a package that nobody looks at
        return new Backend.Answer(false, text);
    }
}
