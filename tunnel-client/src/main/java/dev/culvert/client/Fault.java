package dev.culvert.client;

import dev.culvert.common.net.DialFailure;
import dev.culvert.mux.ErrorCode;
import io.netty.util.concurrent.Future;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A step of a {@link Checkup} has come to nothing. */
final class Fault extends Exception {
    private final ErrorCode code;

    Fault(ErrorCode code, String text) {
        super(text, null, false, false);
        this.code = code;
    }

    ErrorCode code() {
        return code;
    }

    /** Waits for a step. */
    static <T> T resultOf(Future<T> future) throws Fault, InterruptedException {
        CompletableFuture<T> waiting = new CompletableFuture<>();
        future.addListener((Future<T> done) -> {
            if (done.isSuccess()) {
                waiting.complete(done.getNow());
            } else {
                waiting.completeExceptionally(done.cause());
            }
        });
        return resultOf(waiting);
    }

    /** The same. */
    static <T> T resultOf(CompletableFuture<T> future) throws Fault, InterruptedException {
        try {
            return future.get(Checkup.PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            Throwable cause = Objects.requireNonNullElse(e.getCause(), e);
            if (cause instanceof Fault fault) {
                throw fault;
            }
            ErrorCode code = cause instanceof DialFailure failure ? failure.code() : ErrorCode.INTERNAL;
            throw new Fault(code, String.valueOf(cause.getMessage()));
        } catch (TimeoutException e) {
            throw new Fault(ErrorCode.TIMEOUT, "no answer within " + Checkup.PATIENCE.toSeconds() + " s");
        }
    }
}
