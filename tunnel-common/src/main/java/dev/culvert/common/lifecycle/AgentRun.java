package dev.culvert.common.lifecycle;

import ch.qos.logback.classic.LoggerContext;
import dev.culvert.common.admin.AdminServer;
import dev.culvert.common.admin.NobodyToAsk;
import dev.culvert.common.admin.Predecessor;
import dev.culvert.common.config.AdminConfig;
import dev.culvert.common.config.AgentConfig;
import dev.culvert.common.config.BadConfig;
import dev.culvert.common.net.Transport;
import dev.culvert.common.systemd.SystemdNotifier;
import dev.culvert.common.tls.Tls;
import io.netty.channel.EventLoopGroup;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One run of an agent in the foreground, from its configuration to its exit code.
 *
 * @param <C> the agent's configuration
 */
public final class AgentRun<C extends AgentConfig> {
    private static final Logger LOG = LoggerFactory.getLogger(AgentRun.class);

    static final int FAILED = 1;
    /** An address or port could not be listened on: a service manager should try again. */
    private static final int CANNOT_LISTEN = 5;
    /** EX_UNAVAILABLE of sysexits(3): so a script can tell it from an agent that has refused. */
    static final int NOBODY_TO_ASK = 69;
    /** EX_SOFTWARE of sysexits(3): not the user's mistake, so a service manager should try again. */
    private static final int BUG = 70;

    private final Program<C> program;
    private final Source<C> source;
    /** The configuration; where there is none, only what messages call it. */
    private final Path file;

    private final boolean hasFile;
    private final boolean verbose;
    /** Once there is one. */
    private final CompletableFuture<Lifecycle> living = new CompletableFuture<>();

    /** Where the configuration comes from. */
    private interface Source<C> {
        C read() throws BadConfig;
    }

    AgentRun(Program<C> program, Path file, boolean verbose) {
        this(program, () -> program.read(file), file, true, verbose);
    }

    /**
     * Without a file, so there is nothing to reload or to upgrade with: SIGHUP, which the end of a terminal sends,
     * drains.
     *
     * @param values what would stand in a file, by the paths of the keys; with {@code admin.listen = off}
     */
    AgentRun(Program<C> program, Map<String, ?> values, boolean verbose) {
        this(program, () -> program.read(values), Path.of("command line"), false, verbose);
    }

    private AgentRun(Program<C> program, Source<C> source, Path file, boolean hasFile, boolean verbose) {
        this.program = program;
        this.source = source;
        this.file = file;
        this.hasFile = hasFile;
        this.verbose = verbose;
    }

    /** Does what the arguments ask for; returns the exit code. */
    public static <C extends AgentConfig> int execute(Program<C> program, String... args) throws InterruptedException {
        LoggerContext logs = (LoggerContext) LoggerFactory.getILoggerFactory(); // before other threads want it
        try {
            if (args.length != 2 || !args[0].equals("-c") || args[1].startsWith("-")) {
                return AgentCommand.execute(program, args);
            }
            // As units have it: without the fifth of a second in which picocli sets itself up.
            return new AgentRun<>(program, Path.of(args[1]), false).run(false);
        } catch (RuntimeException e) {
            LOG.error("ended by a bug of its own, please report it", e);
            return BUG;
        } finally {
            logs.stop(); // writes what is queued
        }
    }

    /** The version of the jar, or of nothing in particular. */
    public static String version() {
        return Optional.ofNullable(AgentRun.class.getPackage().getImplementationVersion())
                .orElse("unpackaged");
    }

    /** Runs until the agent has ended; the exit code. */
    int run(boolean takesOver) throws InterruptedException {
        hearSignals();
        if (verbose) {
            LogSetup.verbose();
        }
        Tls.load();
        try {
            C config = source.read();
            LogSetup.apply(config.log());
            if (Transport.best() == Transport.NIO) {
                LOG.warn("slower, and without unix sockets: {}", Transport.whyNoEpoll());
            }
            return run(config, takesOver);
        } catch (BadConfig | StartFailure e) {
            if (LogSetup.isText()) {
                System.err.println(e.getMessage());
            } else {
                LOG.error("{}", e.getMessage());
            }
            return exitCode(e);
        }
    }

    private static int exitCode(Exception whyNoStart) {
        if (whyNoStart.getCause() instanceof NobodyToAsk) {
            return NOBODY_TO_ASK;
        }
        return whyNoStart instanceof StartFailure failure && failure.mayPass() ? CANNOT_LISTEN : FAILED;
    }

    /**
     * First of all: by default each of these ends a process. What one asks for is done as soon as there is a
     * {@link Lifecycle}.
     */
    private void hearSignals() {
        Runnable end = () -> System.exit(Lifecycle.DRAINED); // nothing has been opened so far
        Signals.onTermination(end);
        Signals.onHangup(hasFile ? () -> living.thenAccept(Lifecycle::reload) : end);
        Signals.onReport(() -> living.thenAccept(Lifecycle::report));
    }

    private int run(C config, boolean takesOver) throws StartFailure, InterruptedException {
        EventLoopGroup admin = Transport.best().newEventLoops(1, "admin");
        try {
            return run(config, admin, takesOver ? Predecessor.find(admin, adminAddress(config.admin(), file)) : null);
        } catch (IOException e) {
            throw new StartFailure(e);
        } finally {
            admin.shutdownGracefully(0, 1, TimeUnit.SECONDS).await(2, TimeUnit.SECONDS);
        }
    }

    private int run(C config, EventLoopGroup admin, @Nullable Predecessor before)
            throws StartFailure, IOException, InterruptedException {
        Agent agent = program.agent(config, before == null ? List.of() : before.sockets());
        Lifecycle lifecycle = new Lifecycle(
                agent,
                file,
                SystemdNotifier.fromEnvironment(System.getenv(), admin),
                SystemdNotifier.watchdog(
                                System.getenv(), ProcessHandle.current().pid())
                        .orElse(null),
                before,
                Launcher.ofThisProcess(file, verbose),
                System.getenv().containsKey("NOTIFY_SOCKET"));
        try (AdminServer server = new AdminServer(
                Transport.best(), admin, new Inspection(program.name(), version(), agent, lifecycle, admin))) {
            Signals.onTermination(lifecycle::signal);
            if (!hasFile) {
                Signals.onHangup(lifecycle::requestDrain); // the end of a terminal may send it twice
            }
            living.complete(lifecycle);
            List<String> addresses = config.admin().addresses(file, System.getenv());
            listen(server, addresses, before);
            lifecycle.start();
            server.begin();
            if (addresses.isEmpty() && !config.admin().off()) {
                LOG.warn(
                        "admin: no socket, since {} is not there or may not be written to: set admin.listen to have status, reload and"
                                + " the other commands that ask this agent, or to off",
                        AdminConfig.defaultSocket(file, System.getenv()).getParent());
            }
            return lifecycle.run();
        } finally {
            agent.close();
        }
    }

    private static void listen(AdminServer server, List<String> addresses, @Nullable Predecessor before)
            throws StartFailure, InterruptedException {
        try {
            server.listen(addresses, before == null ? List.of() : before.adminSockets());
        } catch (IOException e) {
            throw StartFailure.cannotListen(e);
        }
    }

    /** Where an agent with this configuration is asked. */
    static String adminAddress(AdminConfig admin, Path file) throws NobodyToAsk {
        return admin.askAt(file, System.getenv())
                .orElseThrow(() -> new NobodyToAsk(
                        "admin.listen is " + admin.describe() + " in " + file
                                + ": there is no address to ask the agent at; name a unix socket there, or a port",
                        null));
    }
}
