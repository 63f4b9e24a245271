package dev.culvert.client;

import dev.culvert.common.net.Acceptor;
import dev.culvert.common.net.Transport;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.SocketChannel;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where the forwards are listened for. A listening socket stays for as long as some forward is on its address: what waits in its
 * backlog is not lost when the forward changes. One thread, that may block.
 */
final class Listeners {
    private static final Logger LOG = LoggerFactory.getLogger(Listeners.class);

    private final Transport transport;
    private final EventLoop accepting;
    private final Arrivals arrivals;
    private List<Listener> open = List.of();

    /** Takes what was accepted, on the event loop that accepts. */
    interface Arrivals {
        void arrive(ForwardConfig forward, Acceptor acceptor, SocketChannel channel);
    }

    /** A listening socket and the forward that it is for now. */
    private static final class Listener {
        private volatile ForwardConfig forward;
        private final Acceptor acceptor;

        Listener(Listeners home, ForwardConfig forward) throws IOException, InterruptedException {
            this.forward = forward;
            acceptor = Acceptor.listen(
                    home.transport,
                    home.accepting,
                    name(forward),
                    forward.listen(),
                    forward.maxConnections(),
                    (from, channel) -> home.arrivals.arrive(this.forward, from, channel));
        }

        /** Whether it listens where {@code next} is to be: on port 0 every forward has a port of its own. */
        boolean fits(ForwardConfig next) {
            return next.listen().port() == 0
                    ? next.listen().equals(forward.listen()) && next.name().equals(forward.name())
                    : next.listen().equals(forward.listen()) || next.listen().equals(acceptor.address());
        }

        void become(ForwardConfig next) {
            if (!next.equals(forward)) {
                LOG.info("{}: {} from now on", name(next), next.describe());
                forward = next;
                acceptor.limit(next.maxConnections());
            }
        }
    }

    Listeners(Transport transport, EventLoop accepting, Arrivals arrivals) {
        this.transport = transport;
        this.accepting = accepting;
        this.arrivals = arrivals;
    }

    /**
     * Listens for these forwards and for no others. The connections of those that go, go on.
     *
     * @throws IOException with a sentence for the user, and nothing has changed
     */
    void set(List<ForwardConfig> forwards) throws IOException, InterruptedException {
        Map<Listener, ForwardConfig> next = new LinkedHashMap<>();
        List<Listener> begun = new ArrayList<>();
        try {
            for (ForwardConfig forward : forwards) {
                Listener listener = open.stream()
                        .filter(present -> present.fits(forward))
                        .findFirst()
                        .orElse(null);
                if (listener == null) {
                    listener = new Listener(this, forward);
                    begun.add(listener);
                }
                next.put(listener, forward);
            }
        } catch (IOException e) {
            begun.forEach(listener -> listener.acceptor.close());
            throw e;
        }
        next.forEach(Listener::become);
        open.stream().filter(listener -> !next.containsKey(listener)).forEach(listener -> {
            listener.acceptor.close();
            LOG.info("{}: no longer listening on {}", name(listener.forward), listener.acceptor.address());
        });
        open = List.copyOf(next.keySet());
        begun.forEach(listener -> LOG.info("{}: listening on {}", name(listener.forward), listener.acceptor.address()));
    }

    void close() {
        open.forEach(listener -> listener.acceptor.close());
    }

    private static String name(ForwardConfig forward) {
        return "forwards." + forward.name();
    }
}
