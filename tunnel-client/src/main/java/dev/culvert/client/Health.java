package dev.culvert.client;

import io.netty.channel.EventLoop;
import io.netty.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Whether a target answers, looked at again and again: down after some failures in a row, up after some successes; the
 * first look alone decides how it begins. Event loop only.
 */
final class Health {
    private final EventLoop loop;
    private final HealthConfig config;
    private final Supplier<? extends Future<?>> check;
    private final BiConsumer<Boolean, String> changed;
    private State state;
    private boolean stopped;
    private @Nullable Future<?> next;

    /**
     * What the looks so far have shown.
     *
     * @param known whether there was one
     * @param against looks in a row that have said otherwise
     */
    record State(boolean known, boolean up, int against) {
        static final State UNKNOWN = new State(false, false, 0);
    }

    /**
     * Nothing is looked at yet.
     *
     * @param state what is known of the target already
     * @param check begins a look, which has a deadline and is told on {@code loop}
     * @param changed hears whether it is up from now on, and why not
     */
    Health(
            EventLoop loop,
            HealthConfig config,
            State state,
            Supplier<? extends Future<?>> check,
            BiConsumer<Boolean, String> changed) {
        this.loop = loop;
        this.config = config;
        this.state = state;
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

    State state() {
        return state;
    }

    private void tell(boolean good, String reason) {
        int against = good == state.up ? 0 : state.against + 1;
        if (!state.known || against >= (state.up ? config.fall() : config.rise())) {
            state = new State(true, good, 0);
            changed.accept(good, reason);
        } else {
            state = new State(true, state.up, against);
        }
    }
}
