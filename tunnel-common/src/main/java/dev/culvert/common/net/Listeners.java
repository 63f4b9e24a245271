package dev.culvert.common.net;

import dev.culvert.mux.Address;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.UnixPath;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.DuplexChannel;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The listening sockets of an agent, which come, change and go with its configuration: a socket stays as long as
 * something is to be accepted on its address. By one thread, such as the one that starts and reloads the agent, but for
 * {@link #close}.
 *
 * @param <P> what is accepted for
 */
public final class Listeners<P extends Listeners.Place> {
    private static final Logger LOG = LoggerFactory.getLogger(Listeners.class);

    private static final long PATIENCE_MILLIS = 2_000;

    private final Transport transport;
    private final EventLoop accepting;
    private final List<ListeningSocket> passed;
    private final Accepted<P> accepted;
    private volatile List<Listener> open = List.of();
    private volatile boolean begun;
    private volatile boolean handedOver;

    /** Where to listen. */
    public interface Place {
        /** Where in the configuration it stands: {@code forwards.web}. */
        String place();

        /** With port 0 the system picks one. */
        Address listen();

        /** What becomes of the file of a unix socket. */
        default SocketFile socketFile() {
            return SocketFile.USUAL;
        }

        /** How many accepted connections may be open at the same time. */
        int mostConnections();

        /** A few words for people. */
        String describe();
    }

    /** Takes what was accepted, on the event loop that accepts. */
    public interface Accepted<P> {
        void arrive(P place, Acceptor acceptor, DuplexChannel channel);
    }

    /** Whether the system picks the port. */
    static boolean isOfAnyPort(Address address) {
        return address instanceof HostPort tcp && tcp.port() == 0;
    }

    /** A listening socket and what it is for now. */
    private final class Listener {
        private volatile P place;
        /** Whether its socket is systemd's, which knows its address better. */
        private final boolean systemds;

        private final Acceptor acceptor;

        Listener(P place) throws IOException, InterruptedException {
            this.place = place;
            Optional<ListeningSocket> socket =
                    passed.stream().filter(one -> one.fits(place)).findFirst();
            systemds = socket.isPresent() && socket.get().isSystemds();
            if (socket.isPresent()) {
                passed.remove(socket.get());
                acceptor = Acceptor.adopt(
                        transport,
                        accepting,
                        place.place(),
                        place.listen(),
                        socket.get(),
                        place.mostConnections(),
                        this::accept);
                try {
                    give(place.socketFile());
                } catch (IOException e) {
                    acceptor.close(false).await();
                    throw e;
                }
            } else {
                acceptor = Acceptor.listen(
                        transport,
                        accepting,
                        place.place(),
                        place.listen(),
                        place.socketFile(),
                        place.mostConnections(),
                        this::accept);
            }
        }

        private void accept(Acceptor from, DuplexChannel channel) {
            accepted.arrive(place, from, channel);
        }

        /** Whether it listens where {@code next} is to be: on port 0 every place has a port of its own. */
        boolean fits(P next) {
            if (!acceptor.isFound()) {
                return false;
            }
            if (systemds || isOfAnyPort(next.listen())) {
                return next.place().equals(place.place())
                        && (systemds || next.listen().equals(place.listen()));
            }
            return next.listen().equals(place.listen()) || next.listen().equals(acceptor.address());
        }

        /** Who may connect to the file of a unix socket, if that is another one than before; throws with a sentence. */
        void admit(P next) throws IOException {
            if (next != place && !next.socketFile().equals(place.socketFile())) {
                give(next.socketFile());
            }
        }

        private void give(SocketFile file) throws IOException {
            if (acceptor.address() instanceof UnixPath path && !systemds) {
                try {
                    file.apply(path);
                } catch (IOException e) {
                    throw new IOException(place.place() + ": " + path + ": " + e.getMessage(), e);
                }
            }
        }

        /** Takes back what {@link #admit} has done. */
        void admitAsBefore() {
            try {
                give(place.socketFile());
            } catch (IOException e) {
                LOG.warn("{}", e.getMessage());
            }
        }

        String isInTheWay(Place next) {
            return Overlap.inTheWay(
                    next.place(),
                    next.listen().toString(),
                    place.place(),
                    acceptor.address().toString());
        }

        void become(P next) {
            // The first comparison of records takes 10 ms of a start: not with themselves.
            if (next != place && !next.equals(place)) {
                place = next;
                acceptor.become(next.place(), next.mostConnections());
                LOG.info("{}: {} from now on", next.place(), next.describe());
            }
        }

        String farewell() {
            return "%s: no longer listening on %s%s"
                    .formatted(place.place(), acceptor.address(), acceptor.isFound() ? "" : ", whose file is gone");
        }

        void announce() {
            LOG.info("{}: listening on {}", place.place(), acceptor.address());
            if (systemds && !acceptor.address().equals(place.listen())) {
                LOG.warn(
                        "{}: the socket that systemd has passed is on {}, and that counts, not {}: give both the same address",
                        place.place(),
                        acceptor.address(),
                        place.listen());
            }
        }
    }

    /**
     * Without a socket so far.
     *
     * @param passed sockets that listen already, and are taken where they fit
     */
    public Listeners(Transport transport, EventLoop accepting, List<ListeningSocket> passed, Accepted<P> accepted) {
        this.transport = transport;
        this.accepting = accepting;
        this.passed = new CopyOnWriteArrayList<>(passed);
        this.accepted = accepted;
    }

    /**
     * Listens for these and for no others. The connections of those that go, go on.
     *
     * @throws IOException with a sentence for the user, and nothing has changed
     */
    public void set(List<P> places) throws IOException, InterruptedException {
        Optional<String> conflict = conflict(places);
        if (conflict.isPresent()) {
            throw new IOException(conflict.get());
        }
        Map<Listener, P> next = new LinkedHashMap<>();
        List<Listener> added = new ArrayList<>();
        try {
            for (P place : places) {
                Optional<Listener> present = present(place);
                Listener listener = present.isPresent() ? present.get() : listen(place);
                if (present.isEmpty()) {
                    added.add(listener);
                }
                next.put(listener, place);
            }
            for (Map.Entry<Listener, P> one : next.entrySet()) {
                one.getKey().admit(one.getValue());
            }
        } catch (IOException e) {
            added.forEach(listener -> listener.acceptor.close(false));
            open.forEach(Listener::admitAsBefore);
            throw e;
        }
        next.forEach(Listener::become);
        leave(open.stream().filter(listener -> !next.containsKey(listener)).toList());
        open = List.copyOf(next.keySet());
        added.forEach(Listener::announce);
        if (begun) {
            added.forEach(listener -> listener.acceptor.begin());
        }
    }

    /** Names the listener of ours that has the port: all addresses and one of them are not free for each other. */
    private Listener listen(P place) throws IOException, InterruptedException {
        try {
            return new Listener(place);
        } catch (IOException e) {
            Optional<String> ours = obstacle(place);
            throw ours.isPresent() ? new IOException(ours.get(), e) : e;
        }
    }

    /**
     * Listens for one more.
     *
     * @throws IOException with a sentence for the user, and nothing has changed
     */
    public void add(P place) throws IOException, InterruptedException {
        Listener listener = new Listener(place);
        List<Listener> all = new ArrayList<>(open);
        all.add(listener);
        open = List.copyOf(all);
        listener.announce();
        if (begun) {
            listener.acceptor.begin();
        }
    }

    /** Listens no more for this one, if it does; its connections go on. */
    public void remove(P place) {
        find(place).ifPresent(this::remove);
    }

    private void remove(Listener listener) {
        open = open.stream().filter(other -> other != listener).toList();
        leave(List.of(listener));
    }

    /**
     * Listens no more for this one if {@link #replace} needs another socket for {@code next}: its address may be what
     * others wait for.
     */
    public void makeRoom(P place, P next) {
        find(place).filter(listener -> !listener.fits(next)).ifPresent(this::remove);
    }

    /**
     * Listens for {@code next}, and no more for {@code place}.
     *
     * @throws IOException with a sentence for the user, and it listens for neither
     */
    public void replace(P place, P next) throws IOException, InterruptedException {
        makeRoom(place, next);
        Optional<Listener> present = find(place);
        if (present.isEmpty()) {
            add(next);
            return;
        }
        try {
            present.get().admit(next);
        } catch (IOException e) {
            remove(present.get());
            throw e;
        }
        present.get().become(next);
    }

    private Optional<Listener> find(P place) {
        return open.stream().filter(listener -> listener.place.equals(place)).findFirst();
    }

    /** Accepts from now on: until then connections wait. */
    public void begin() {
        begun = true;
        open.forEach(listener -> listener.acceptor.begin());
    }

    /** Sockets that were passed, and that nothing here is for, are closed: else connections would wait for ever. */
    public void letGo() {
        boolean ours = begun && !handedOver; // else their files are another process's, which listens by them
        spare().forEach(ours ? ListeningSocket::abandon : ListeningSocket::close);
        passed.removeIf(Predicate.not(ListeningSocket::isSystemds));
    }

    private Stream<ListeningSocket> spare() {
        return passed.stream().filter(Predicate.not(ListeningSocket::isSystemds));
    }

    /** What it listens on now, or could, for another process. Any thread; epoll only. */
    public List<ListeningSocket> sockets() {
        Stream<ListeningSocket> used = open.stream()
                .filter(listener -> listener.acceptor.isFound()) // it would listen where nobody comes
                .map(listener -> new ListeningSocket(
                        listener.place.place(),
                        listener.systemds ? "" : listener.acceptor.address().toString(),
                        listener.acceptor.descriptor()));
        return Stream.concat(used, spare()).toList();
    }

    /**
     * Another process listens by the same sockets from now on, and the files of unix sockets are its own. Any thread.
     */
    public void handOver() {
        handedOver = true;
    }

    private Optional<Listener> present(P place) {
        return open.stream().filter(listener -> listener.fits(place)).findFirst();
    }

    /** What {@link #set} would listen for by a new socket. Any thread. */
    public List<P> missing(List<P> places) {
        return places.stream().filter(place -> present(place).isEmpty()).toList();
    }

    /** What {@link #set} would no longer listen for, with the addresses. Any thread. */
    public Map<P, Address> leaving(List<P> places) {
        Map<P, Address> leaving = new LinkedHashMap<>();
        for (Listener listener : open) {
            if (places.stream().noneMatch(listener::fits)) {
                leaving.put(listener.place, listener.acceptor.address());
            }
        }
        return leaving;
    }

    /** Which socket of ours keeps {@link #set} from listening for these, in a sentence. Any thread. */
    public Optional<String> obstacle(List<P> places) {
        return conflict(places)
                .or(() -> missing(places).stream()
                        .flatMap(place -> obstacle(place).stream())
                        .findFirst());
    }

    /** Which socket of ours keeps others from listening for this, in a sentence. Any thread. */
    public Optional<String> obstacle(Place other) {
        return open.stream()
                .filter(listener -> listener.acceptor.isFound())
                .filter(listener -> Overlap.of(listener.acceptor.address(), other.listen()))
                .map(listener -> listener.isInTheWay(other))
                .findFirst();
    }

    /** Which two of these are for one socket of ours, in a sentence. */
    private Optional<String> conflict(List<P> places) {
        return open.stream()
                .map(listener -> places.stream().filter(listener::fits).toList())
                .filter(alike -> alike.size() > 1)
                .map(alike -> Overlap.shared(
                        alike.get(1).place(),
                        alike.get(1).listen().toString(),
                        alike.get(0).place(),
                        alike.get(0).listen().toString()))
                .findFirst();
    }

    /** Names of systemd's sockets that nothing listens by. */
    public List<String> leftOver() {
        return passed.stream()
                .filter(ListeningSocket::isSystemds)
                .map(ListeningSocket::place)
                .toList();
    }

    /**
     * Listens no more, and returns when nothing more is accepted: what takes connections may go then. Not for event
     * loops.
     */
    public void close() {
        close(open);
    }

    private void leave(List<Listener> listeners) {
        List<String> farewells = listeners.stream().map(Listener::farewell).toList();
        close(listeners);
        farewells.forEach(LOG::info);
    }

    private void close(List<Listener> listeners) {
        List<Future<?>> closing = new ArrayList<>();
        listeners.forEach(listener -> closing.add(listener.acceptor.close(handedOver)));
        closing.forEach(closed -> closed.awaitUninterruptibly(PATIENCE_MILLIS));
    }
}
