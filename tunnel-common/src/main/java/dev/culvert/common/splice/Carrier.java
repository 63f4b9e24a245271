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

    /** When it was last given one, on any clock: of those that are equal otherwise, who has waited longest is next. Any thread. */
    default long lastTaken() {
        return 0;
    }

    /**
     * Takes {@code arrival}; gives it back, on some thread, if it no longer can, or if its peer has certainly not processed it. Any thread.
     *
     * @param done told once, on some thread, whether it has got as far as a stream; if not, it has been given back before
     */
    void take(Arrival arrival, Consumer<Arrival> back, Consumer<Boolean> done);
}
