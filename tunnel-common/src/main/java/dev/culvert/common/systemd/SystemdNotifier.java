package dev.culvert.common.systemd;

import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.Epoll;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Tells systemd how the service is doing (sd_notify(3)). From any thread; it never blocks and never throws. Messages of
 * one thread arrive in order.
 */
@FunctionalInterface
public interface SystemdNotifier {
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
            return assignment -> {};
        }
        Logger log = LoggerFactory.getLogger(SystemdNotifier.class);
        if (!socket.startsWith("/") && !socket.startsWith("@")) {
            log.warn("systemd will not be notified: NOTIFY_SOCKET={} is neither a path nor an abstract name", socket);
            return assignment -> {};
        }
        if (!Epoll.isAvailable()) {
            log.warn("systemd will not be notified: this needs the native epoll library", Epoll.unavailabilityCause());
            return assignment -> {};
        }
        return new NotifySocket(socket, group.next());
    }

    /** Sends one assignment as it stands, such as {@code READY=1}. */
    void send(String assignment);

    /** The service is up. */
    default void ready() {
        send("READY=1");
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
