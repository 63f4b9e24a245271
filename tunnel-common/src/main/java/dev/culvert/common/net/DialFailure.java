package dev.culvert.common.net;

import dev.culvert.mux.Address;
import dev.culvert.mux.ErrorCode;
import java.time.Duration;

/**
 * Why a dial failed: a code for the peer and a sentence for the log. It is a value rather than an accident, so it has
 * no stack trace.
 */
public final class DialFailure extends Exception {
    private final ErrorCode code;

    /** @param reason goes on after "HOST:PORT: " */
    public DialFailure(ErrorCode code, Address target, String reason) {
        super(target + ": " + reason, null, false, false);
        this.code = code;
    }

    /** The proxy has said nothing, or not enough. */
    static DialFailure silent(Address target, Proxy proxy, Duration timeout) {
        return new DialFailure(
                ErrorCode.TIMEOUT,
                target,
                "the proxy " + proxy + " has led nowhere within " + timeout.toMillis()
                        + " ms: it may not reach the server; else correct " + proxy.origin());
    }

    static DialFailure noProxy(Address target, Proxy proxy, Throwable cause) {
        return new DialFailure(
                cause instanceof DialFailure failure ? failure.code : ErrorCode.INTERNAL,
                target,
                "the proxy " + proxy + " cannot be reached: " + cause.getMessage() + ". Start it, or correct "
                        + proxy.origin());
    }

    /**
     * One of CONNECTION_REFUSED, UNREACHABLE, NAME_NOT_FOUND, TIMEOUT, FORBIDDEN, LIMIT_REACHED, CONNECTION_RESET and
     * INTERNAL. Where the addresses of a name failed in different ways, it is the one that says most.
     */
    public ErrorCode code() {
        return code;
    }
}
