package dev.culvert.common.lifecycle;

import java.lang.reflect.Proxy;

/**
 * The signals that an agent hears. To end it, a shutdown hook could drain as well, but it cannot choose the exit code,
 * and it does not hear a second signal.
 *
 * <p>{@code sun.misc.Signal} (module jdk.unsupported, which stays until there is a successor) is reached by reflection,
 * because javac warns of it, cannot be told not to, and warnings break this build.
 */
final class Signals {
    private Signals() {}

    /** Runs {@code action} at every SIGTERM and SIGINT, in a thread of its own. */
    static void onTermination(Runnable action) {
        on("TERM", action);
        on("INT", action);
    }

    /**
     * Runs {@code action} at every SIGHUP, in a thread of its own; not under nohup(1), where the JVM leaves it ignored.
     */
    static void onHangup(Runnable action) {
        on("HUP", action);
    }

    /** Runs {@code action} at every SIGUSR1, in a thread of its own. */
    static void onReport(Runnable action) {
        on("USR1", action);
    }

    private static void on(String name, Runnable action) {
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            Object handling = Proxy.newProxyInstance(
                    Signals.class.getClassLoader(), new Class<?>[] {handler}, (self, method, arguments) -> {
                        action.run();
                        return null;
                    });
            signal.getMethod("handle", signal, handler)
                    .invoke(null, signal.getConstructor(String.class).newInstance(name), handling);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("this JVM does not let a program handle SIG" + name, e);
        }
    }
}
