package dev.culvert.mux;

import java.util.Locale;

/**
 * Why a stream was reset or a session ended, as RST, CLOSE and GOAWAY carry it. The numbers are part of the protocol.
 */
public enum ErrorCode {
    /** Nothing went wrong: the sender has no more use for it. */
    CANCELLED(0, "cancelled"),
    /** The peer sent what the protocol does not allow. */
    PROTOCOL_ERROR(1, "protocol error"),
    /** The sender failed in a way it did not expect. */
    INTERNAL(2, "internal error"),
    /**
     * The open request was not processed at all, maybe not even sent: it is safe to retry elsewhere. No other code says
     * so.
     */
    REFUSED(3, "refused, not processed"),
    /** No rule allows this client to open this target. */
    FORBIDDEN(4, "forbidden"),
    /** The target answered the dial with a reset. */
    CONNECTION_REFUSED(5, "connection refused"),
    /** There is no route to the target. */
    UNREACHABLE(6, "unreachable"),
    /** The target's name does not resolve. */
    NAME_NOT_FOUND(7, "name not found"),
    /** The target, or the peer, did not answer in time. */
    TIMEOUT(8, "timeout"),
    /** The TCP connection behind the stream was reset. */
    CONNECTION_RESET(9, "connection reset"),
    /** The peer sent more than the window that it was given. */
    FLOW_CONTROL(10, "flow control violated"),
    /** A configured limit was reached. */
    LIMIT_REACHED(11, "limit reached"),
    /** The sender is shutting down in good order. */
    DRAINING(12, "draining");

    private static final ErrorCode[] BY_CODE = values();

    private final int code;
    private final String text;

    ErrorCode(int code, String text) {
        this.code = code;
        this.text = text;
    }

    /** The number on the wire. */
    public int code() {
        return code;
    }

    /** The code as one word, for programs: {@code connection_refused}. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The code with this number; a number from a newer peer is {@link #INTERNAL}. */
    public static ErrorCode of(long code) {
        return code >= 0 && code < BY_CODE.length ? BY_CODE[(int) code] : INTERNAL;
    }

    /** A few words for logs. */
    @Override
    public String toString() {
        return text;
    }
}
