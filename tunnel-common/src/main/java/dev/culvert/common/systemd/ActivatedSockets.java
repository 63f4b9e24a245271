package dev.culvert.common.systemd;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The listening sockets that systemd has opened for this process (sd_listen_fds(3)): it keeps them while the process is restarted, and
 * no connection is refused meanwhile.
 */
public final class ActivatedSockets {
    private static final int FIRST = 3;

    private ActivatedSockets() {}

    /**
     * Their file descriptors by name: {@code FileDescriptorName=} of the socket unit. Each may be taken once.
     *
     * @param env the environment of the process
     * @param pid of the process: a child inherits the environment, but the sockets are not for it
     */
    public static Map<String, Integer> fromEnvironment(Map<String, String> env, long pid) {
        Map<String, Integer> sockets = new LinkedHashMap<>();
        String count = env.getOrDefault("LISTEN_FDS", "");
        if (!env.getOrDefault("LISTEN_PID", "").equals(String.valueOf(pid)) || !count.matches("[0-9]{1,4}")) {
            return sockets;
        }
        String[] names = env.getOrDefault("LISTEN_FDNAMES", "").split(":", -1);
        for (int i = 0; i < Integer.parseInt(count); i++) {
            sockets.put(i < names.length ? names[i] : "unknown", FIRST + i);
        }
        return sockets;
    }
}
