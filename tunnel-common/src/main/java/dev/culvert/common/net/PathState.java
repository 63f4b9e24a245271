package dev.culvert.common.net;

/**
 * What is known of the way that a connection's packets take.
 *
 * @param roundTrip as it is now, smoothed, us
 * @param shortest the round trip without a queue, us
 * @param bandwidth what arrives while the path is full, bytes a second; 0: it is not full, or nobody has seen yet
 */
record PathState(long roundTrip, long shortest, long bandwidth) {
    /** A queue that delays by less nobody notices, us. */
    private static final int MATTERS = 4_000;

    /** By how much the queues on the path delay, us. */
    long queue() {
        return roundTrip - shortest;
    }

    /** By how much they have to delay to be worth doing something, us. */
    long much() {
        return Math.max(MATTERS, shortest / 4);
    }
}
