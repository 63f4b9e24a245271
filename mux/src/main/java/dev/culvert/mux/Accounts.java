package dev.culvert.mux;

/**
 * What a session keeps account of, for tests: all of it is zero when nothing is open and nothing waits.
 *
 * @param said beyond the frames that do wait
 */
record Accounts(
        int streams,
        int own,
        int peers,
        int discarded,
        long unconsumed,
        long promised,
        long queued,
        long said,
        long kept,
        long inFlight,
        int alarms) {
    static final Accounts NONE = new Accounts(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

    Accounts keeping(long bytes) {
        return new Accounts(
                streams, own, peers, discarded, unconsumed, promised, queued, said, bytes, inFlight, alarms);
    }
}
