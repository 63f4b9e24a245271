package dev.culvert.common.systemd;

import dev.culvert.common.net.Transport;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.Epoll;
import java.time.Duration;
import java.time.temporal.ChronoUnit;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells systemd how the service is doing (sd_notify(3)). From any thread; it never blocks and never throws. Messages of
 * one thread arrive in order.
 */
@FunctionalInterface
public interface SystemdNotifier {
    /** Tells nobody. */
    SystemdNotifier NONE = assignment -> {};

    /**
     * The notifier of this process: the socket in {@code NOTIFY_SOCKET}, or one that does nothing where systemd did not
     * ask to be told, or where it cannot be reached; the latter leaves a warning in the log.
     *
     * @param env the environment of the process
     * @param group epoll event loops; one of them sends
     */
    static SystemdNotifier fromEnvironment(Map<String, String> env, EventLoopGroup group) {
        String socket = env.getOrDefault("NOTIFY_SOCKET", "");
        if (socket.isEmpty()) {
            return NONE;
        }
        Logger log = LoggerFactory.getLogger(SystemdNotifier.class);
        if (!socket.startsWith("/") && !socket.startsWith("@")) {
            log.warn("systemd will not be notified: NOTIFY_SOCKET={} is neither a path nor an abstract name", socket);
            return NONE;
        }
        if (!Epoll.isAvailable()) {
            log.warn("systemd will not be notified: {}", Transport.whyNoEpoll());
            return NONE;
        }
        return new NotifySocket(socket, group.next());
    }

    /**
     * How often systemd wants to hear {@link #alive}, from {@code WATCHDOG_USEC}, if it does (sd_watchdog_enabled(3)).
     *
     * @param env the environment of the process
     * @param pid of the process: a child inherits the environment, but is not watched
     */
    static Optional<Duration> watchdog(Map<String, String> env, long pid) {
        String micros = env.getOrDefault("WATCHDOG_USEC", "");
        String watched = env.getOrDefault("WATCHDOG_PID", String.valueOf(pid));
        if (!micros.matches("[1-9][0-9]{0,17}") || !watched.equals(String.valueOf(pid))) {
            return Optional.empty();
        }
        return Optional.of(Duration.of(Long.parseLong(micros), ChronoUnit.MICROS));
    }

    /** Sends one assignment as it stands, such as {@code READY=1}. */
    void send(String assignment);

    /** The service is up. */
    default void ready() {
        send("READY=1");
    }

    /** The service reads its configuration again; {@link #ready} says that it has. */
    default void reloading() {
        // Both in one message, or systemd does not know which reload this is. On Linux nanoTime is CLOCK_MONOTONIC.
        send("RELOADING=1\nMONOTONIC_USEC=" + System.nanoTime() / 1_000);
    }

    /** The service works: the watchdog may wait again. */
    default void alive() {
        send("WATCHDOG=1");
    }

    /** Stopping takes as long as this from now on. */
    default void stillStopping(Duration longer) {
        send("EXTEND_TIMEOUT_USEC=" + longer.toNanos() / 1_000);
    }

    /** From now on another process is the service, which may send what it likes, and this one nothing more. */
    default void mainProcess(long pid) {
        send("MAINPID=" + pid);
    }

    /** The service has begun to shut down. */
    default void stopping() {
        send("STOPPING=1");
    }

    /** Shows a line of text in {@code systemctl status}; line breaks become spaces. */
    default void status(String text) {
        send("STATUS=" + text.replaceAll("\\R", " "));
    }
}
