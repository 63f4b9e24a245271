package dev.culvert.server;

import dev.culvert.common.splice.Arrival;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** An offer that writes down what becomes of it. */
final class FakeOffer implements Offer {
    private final String listener;
    private final @Nullable HostPort own;
    private final Maker maker;
    private final boolean reserve;
    private final Consumer<Offer> atEnd;
    volatile boolean ready = true;
    final AtomicInteger stands = new AtomicInteger();
    final AtomicInteger taken = new AtomicInteger();
    volatile String end = "";

    /** @param atEnd as the end of its stream */
    FakeOffer(
            String listener,
            @Nullable HostPort own,
            String client,
            long process,
            boolean reserve,
            Consumer<Offer> atEnd) {
        this.listener = listener;
        this.own = own;
        maker = new Maker(client, Optional.empty(), process);
        this.reserve = reserve;
        this.atEnd = atEnd;
    }

    @Override
    public String listener() {
        return listener;
    }

    @Override
    public @Nullable HostPort own() {
        return own;
    }

    @Override
    public Maker maker() {
        return maker;
    }

    @Override
    public boolean isReserve() {
        return reserve;
    }

    @Override
    public void stands() {
        stands.incrementAndGet();
    }

    @Override
    public void withdraw(ErrorCode code, String reason) {
        end = code + ": " + reason;
        atEnd.accept(this);
    }

    @Override
    public boolean isReady() {
        return ready;
    }

    @Override
    public boolean isResponsive() {
        return true;
    }

    @Override
    public boolean isStandby() {
        return false;
    }

    @Override
    public int load() {
        return 0;
    }

    @Override
    public void take(Arrival arrival, Consumer<Arrival> back, Consumer<Boolean> done) {
        taken.incrementAndGet();
        done.accept(true);
    }
}
