package dev.culvert.common.systemd;

import dev.culvert.common.net.ListeningSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The listening sockets that systemd has opened for this process (sd_listen_fds(3)): it keeps them while the process is
 * restarted, and no connection is refused meanwhile.
 */
public final class ActivatedSockets {
    private static final int FIRST = 3;

    private ActivatedSockets() {}

    /**
     * They are for the place that {@code FileDescriptorName=} of the socket unit names.
     *
     * @param env the environment of the process
     * @param pid of the process: a child inherits the environment, but the sockets are not for it
     */
    public static List<ListeningSocket> fromEnvironment(Map<String, String> env, long pid) {
        List<ListeningSocket> sockets = new ArrayList<>();
        String count = env.getOrDefault("LISTEN_FDS", "");
        if (!env.getOrDefault("LISTEN_PID", "").equals(String.valueOf(pid)) || !count.matches("[0-9]{1,4}")) {
            return sockets;
        }
        String[] names = env.getOrDefault("LISTEN_FDNAMES", "").split(":", -1);
        for (int i = 0; i < Integer.parseInt(count); i++) {
            sockets.add(new ListeningSocket(i < names.length ? names[i] : "unknown", "", FIRST + i));
        }
        return sockets;
    }
}
