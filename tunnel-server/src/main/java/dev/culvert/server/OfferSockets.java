package dev.culvert.server;

import dev.culvert.common.net.Listeners;
import dev.culvert.common.net.ListeningSocket;
import dev.culvert.common.net.Transport;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The listening sockets of what is offered. To open one may block, so a thread of its own does all of it, in the order
 * of the calls.
 */
final class OfferSockets implements Offers.Sockets {
    /** Sockets of the process before this one are kept for as long: by then its clients have come here. */
    private static final long INHERITANCE_SECONDS = 10;

    private static final long PATIENCE_SECONDS = 2;

    private final ScheduledThreadPoolExecutor thread =
            new ScheduledThreadPoolExecutor(1, new DefaultThreadFactory("listen", true));
    private final Listeners<Offers.Offered> listeners;

    @FunctionalInterface
    private interface Step {
        void run() throws IOException, InterruptedException;
    }

    /** @param passed sockets that listen already */
    OfferSockets(
            Transport transport,
            EventLoop accepting,
            List<ListeningSocket> passed,
            Listeners.Accepted<Offers.Offered> accepted) {
        listeners = new Listeners<>(transport, accepting, passed, accepted);
        thread.setExecuteExistingDelayedTasksAfterShutdownPolicy(false); // nobody waits for what is inherited
    }

    /** Whether {@code socket} was opened for an offer, by the process before this one. */
    static boolean isForOffers(ListeningSocket socket) {
        return !socket.address().isEmpty()
                && (socket.place().startsWith("listeners.") || socket.place().startsWith("offers."));
    }

    /** Accepts from now on. */
    void begin() {
        thread.execute(listeners::begin);
        thread.schedule(listeners::letGo, INHERITANCE_SECONDS, TimeUnit.SECONDS);
    }

    List<ListeningSocket> sockets() {
        return listeners.sockets();
    }

    void handOver() {
        listeners.handOver();
    }

    @Override
    public void open(Offers.Offered place, Consumer<@Nullable String> done) {
        run(
                () -> {
                    if (!place.isGone()) { // else who offers and withdraws would keep the thread busy
                        listeners.add(place);
                    }
                },
                done);
    }

    @Override
    public void replace(List<Offers.Move> moves) {
        thread.execute(() -> moves.forEach(move -> listeners.makeRoom(move.before(), move.place())));
        moves.forEach(move -> run(() -> listeners.replace(move.before(), move.place()), move.done()));
    }

    /** Which of the sockets keeps one of these from being listened for, in a sentence. Any thread. */
    Optional<String> obstacle(List<? extends Listeners.Place> places) {
        return places.stream()
                .flatMap(place -> listeners.obstacle(place).stream())
                .findFirst();
    }

    private void run(Step step, Consumer<@Nullable String> done) {
        thread.execute(() -> {
            try {
                step.run();
                done.accept(null);
            } catch (IOException e) {
                done.accept(String.valueOf(e.getMessage()));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                done.accept("this agent is shutting down");
            }
        });
    }

    @Override
    public void close(Offers.Offered place) {
        thread.execute(() -> listeners.remove(place));
    }

    /** Opens no more, and returns when nothing more is accepted. Not for event loops. */
    void end() {
        thread.shutdown();
        try {
            thread.awaitTermination(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        listeners.letGo();
        listeners.close();
    }
}
