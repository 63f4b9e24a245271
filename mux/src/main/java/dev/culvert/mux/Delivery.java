package dev.culvert.mux;

/**
 * Whether the peer has all that ended streams have sent. A stream ends here when its FIN is handed to the connection;
 * whether the FIN has arrived shows the answer to a PING that went after it.
 *
 * <p>Answers come in the order of the questions, so it is enough to count them.
 */
final class Delivery {
    private long asked;
    private long answered;
    /** So many questions had been asked when the last stream ended. */
    private long before = -1;

    /** A PING goes out. */
    void ask() {
        asked++;
    }

    /** A PONG has come. True: now it is known that the peer has all. */
    boolean answer() {
        answered++;
        return answered == before + 1;
    }

    /** A stream has ended. */
    void ended() {
        before = asked;
    }

    boolean isKnown() {
        return answered > before;
    }

    /** Whether the question that tells is on its way. */
    boolean isAsked() {
        return asked > before;
    }
}
