package dev.culvert.common.net;

import dev.culvert.mux.ErrorCode;
import io.netty.resolver.dns.DnsNameResolverTimeoutException;
import java.io.FileNotFoundException;
import java.net.NoRouteToHostException;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What the exception of a socket means.
 *
 * <p>The native transport writes the errno of Linux into its messages and the JDK only the text, in English or not;
 * both throw ConnectException for nearly everything. So the errno is looked for first, by number, and then the words.
 */
enum Symptom {
    /** ENFILE and EMFILE. */
    NO_DESCRIPTOR(
            ErrorCode.LIMIT_REACHED,
            "no file descriptor is left, raise the limit on open files (LimitNOFILE)",
            "error\\(-2[34]\\)|Too many open files"),
    REFUSED(ErrorCode.CONNECTION_REFUSED, "connection refused", "error\\(-111\\)|Connection refused"),
    /** Who listened there has ended, say, before it accepted. */
    RESET(ErrorCode.CONNECTION_RESET, "connection reset", "error\\(-104\\)|Connection reset"),
    NO_ANSWER(ErrorCode.TIMEOUT, "no answer", "error\\(-110\\)|timed out"),
    /** ENETUNREACH and EHOSTUNREACH. */
    NO_ROUTE(ErrorCode.UNREACHABLE, "no route", "error\\(-1(01|13)\\)|unreachable|No route"),
    /** ENOENT, of a unix socket. */
    NO_FILE(ErrorCode.CONNECTION_REFUSED, "there is no such socket", "No such file"),
    /** EACCES and EPERM. */
    NOT_PERMITTED(
            ErrorCode.UNREACHABLE,
            "permission denied, by a firewall or, for a unix socket, for want of the right to write to it",
            "error\\(-1(3)?\\)|Permission denied|not permitted"),
    /** EAGAIN, of a unix socket. */
    BUSY(ErrorCode.TIMEOUT, "its listener accepts nothing", "error\\(-11\\)|temporarily unavailable"),
    /** EAFNOSUPPORT and EADDRNOTAVAIL: no IPv6 here, or all local ports to this address are taken. */
    NO_LOCAL_ADDRESS(
            ErrorCode.UNREACHABLE,
            "no local address or port is left to dial it from",
            "error\\(-9[79]\\)|Address family not supported|Cannot assign requested address");

    final ErrorCode code;
    final String text;
    private final Pattern message;

    Symptom(ErrorCode code, String text, String message) {
        this.code = code;
        this.text = text;
        this.message = Pattern.compile(message);
    }

    /** The symptom of an exception or of one of its causes; null if it is none of these. */
    static @Nullable Symptom of(Throwable failure) {
        for (@Nullable Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof NoRouteToHostException) {
                return NO_ROUTE;
            }
            if (cause instanceof FileNotFoundException) {
                return NO_FILE;
            }
            if (cause instanceof DnsNameResolverTimeoutException) {
                return NO_ANSWER;
            }
            String said = String.valueOf(cause.getMessage());
            for (Symptom symptom : values()) {
                if (symptom.message.matcher(said).find()) {
                    return symptom;
                }
            }
        }
        return null;
    }
}
