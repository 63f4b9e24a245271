package dev.culvert.common.net;

import dev.culvert.mux.Address;
import dev.culvert.mux.ErrorCode;

/**
 * Why a dial failed: a code for the peer and a sentence for the log. It is a value rather than an accident, so it has no
 * stack trace.
 */
public final class DialFailure extends Exception {
    private final ErrorCode code;

    DialFailure(ErrorCode code, Address target, String reason) {
        super(target + ": " + reason, null, false, false);
        this.code = code;
    }

    /**
     * One of CONNECTION_REFUSED, UNREACHABLE, NAME_NOT_FOUND, TIMEOUT, FORBIDDEN, LIMIT_REACHED and INTERNAL. Where the
     * addresses of a name failed in different ways, it is the one that says most.
     */
    public ErrorCode code() {
        return code;
    }
}
