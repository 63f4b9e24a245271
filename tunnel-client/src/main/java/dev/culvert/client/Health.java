package dev.culvert.client;

import io.netty.channel.EventLoop;
import io.netty.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Whether a target answers, looked at again and again: down after some failures in a row, up after some successes; the first look alone
 * decides how it begins. Event loop only.
 */
final class Health {
    private final EventLoop loop;
    private final HealthConfig config;
    private final Supplier<? extends Future<?>> check;
    private final BiConsumer<Boolean, String> changed;
    private boolean known;
    private boolean up;
    /** Looks in a row that have said otherwise. */
    private int against;

    private boolean stopped;
    private @Nullable Future<?> next;

    /**
     * Nothing is looked at yet.
     *
     * @param check begins a look, which has a deadline and is told on {@code loop}
     * @param changed hears whether it is up from now on, and why not
     */
    Health(
            EventLoop loop,
            HealthConfig config,
            Supplier<? extends Future<?>> check,
            BiConsumer<Boolean, String> changed) {
        this.loop = loop;
        this.config = config;
        this.check = check;
        this.changed = changed;
    }

    /** Looks, and goes on until {@link #stop}. */
    void look() {
        check.get().addListener(done -> {
            if (!stopped) {
                tell(
                        done.isSuccess(),
                        done.isSuccess() ? "" : String.valueOf(done.cause().getMessage()));
            }
            if (!stopped) {
                next = loop.schedule(this::look, config.interval().toNanos(), TimeUnit.NANOSECONDS);
            }
        });
    }

    void stop() {
        stopped = true;
        if (next != null) {
            next.cancel(false);
        }
    }

    private void tell(boolean good, String reason) {
        against = known && good == up ? 0 : against + 1;
        if (!known || against >= (up ? config.fall() : config.rise())) {
            known = true;
            up = good;
            against = 0;
            changed.accept(good, reason);
        }
    }
}
