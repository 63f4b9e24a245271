package dev.culvert.common.splice;

import java.util.function.Consumer;

/** What carries connections, each as a stream: a session, or whoever keeps one up. */
public interface Carrier {
    /** Whether it would take a connection now. Any thread. */
    boolean isReady();

    /** Whether its peer answers in time; if not, others are better. Any thread. */
    boolean isResponsive();

    /** Whether it is for when the others are not ready, or do not answer. Any thread. */
    boolean isStandby();

    /** Connections that it carries. Any thread. */
    int load();

    /**
     * When it was last given one, on any clock: of those that are equal otherwise, who has waited longest is next. Any
     * thread.
     */
    default long lastTaken() {
        return 0;
    }

    /**
     * Takes {@code arrival}. Any thread.
     *
     * @param refused gets it, on some thread, if the peer has certainly not processed it
     * @param done told once, on some thread, whether it was taken; if not, since there is no room any more, nothing has
     *     happened to it
     */
    void take(Arrival arrival, Consumer<Arrival> refused, Consumer<Boolean> done);
}
