package dev.culvert.mux;

/** The peer broke the protocol or a limit; its session ends with this code and sentence. */
final class ProtocolViolation extends Exception {
    private static final long serialVersionUID = 1;

    private final ErrorCode code;

    ProtocolViolation(ErrorCode code, String message) {
        // Thrown at a peer's will: a stack trace would cost more than it tells.
        super(message, null, false, false);
        this.code = code;
    }

    ProtocolViolation(String message) {
        this(ErrorCode.PROTOCOL_ERROR, message);
    }

    ErrorCode code() {
        return code;
    }

    String text() {
        return String.valueOf(getMessage());
    }
}
