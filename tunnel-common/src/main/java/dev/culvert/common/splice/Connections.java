package dev.culvert.common.splice;

import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Ticker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** The live connections of an agent. Any thread. */
public final class Connections {
    private static final int MOST_FORWARDS = 100;
    private static final String OTHERS = "others";
    private static final int AT_A_TIME = 256;

    private final Ticker ticker;
    /** By their ids. */
    private final Map<String, Connection> live = new ConcurrentHashMap<>();

    private final AtomicLong next = new AtomicLong();
    /** Tells the connections of this run of the agent from those of another in a common log. */
    private final String prefix =
            String.format("%06x", ThreadLocalRandom.current().nextInt(1 << 24));

    /** By client, and then by forward. */
    private final Map<String, Map<String, Tally>> tallies = new ConcurrentHashMap<>();

    private final Datagrams datagrams = new Datagrams();
    private volatile Observer observer = new Observer() {};
    private volatile Runnable emptied = () -> {};

    public Connections(Ticker ticker) {
        this.ticker = ticker;
    }

    /** A new id, for a connection that this agent is the first to see. */
    public String newId() {
        return prefix + "-" + next.incrementAndGet();
    }

    /**
     * The id of a connection that the peer knows by {@code named}: the same if it can be, else a new one. None of the
     * peer's is like those that are made here, or it could take all that come next.
     */
    public String idFor(String named) {
        return named.isEmpty() || named.startsWith(prefix) ? newId() : Connection.word(named);
    }

    /**
     * Enters a connection; its {@link Connection#end} takes it out again.
     *
     * @param id {@link #newId} or {@link #idFor}; where another one has it already, this one gets one of its own
     * @param name of its client; empty: none
     * @param source where it comes from
     */
    public Connection add(String id, String forward, String name, String source, String target) {
        Connection connection = add(id, forward, source, target);
        connection.assignTo(name);
        return connection;
    }

    /** The same where it is not known yet whose it is, which {@link Connection#assignTo} tells. */
    public Connection add(String id, String forward, String source, String target) {
        Connection connection = new Connection(this, id, forward, source, target);
        return live.putIfAbsent(id, connection) == null ? connection : add(newId(), forward, source, target);
    }

    /** The one that has this id and has not ended. */
    public Optional<Connection> find(String id) {
        return Optional.ofNullable(live.get(id));
    }

    /**
     * A forward whose clients have no names has an account of its own from now on, of nothing before its first
     * connection.
     */
    public void expect(String forward) {
        talliesOf("").computeIfAbsent(forward, missing -> new Tally(forward, ""));
    }

    /**
     * The account of a forward's connections. Peers choose its name: after too many of a client the rest of that
     * client's is one.
     */
    Tally tally(String forward, String client) {
        Map<String, Tally> its = talliesOf(client);
        Tally known = its.get(forward);
        return known != null
                ? known
                : its.computeIfAbsent(
                        its.size() < MOST_FORWARDS ? forward : OTHERS, missing -> new Tally(missing, client));
    }

    private Map<String, Tally> talliesOf(String client) {
        return tallies.computeIfAbsent(client, missing -> new ConcurrentHashMap<>());
    }

    /** What has been so far, by forward and client. */
    public Collection<Tally> tallies() {
        return tallies.values().stream().flatMap(its -> its.values().stream()).toList();
    }

    /** What has become of the datagrams of all flows. */
    public Datagrams datagrams() {
        return datagrams;
    }

    /** Who hears of each connection from now on. */
    public void observe(Observer newObserver) {
        observer = newObserver;
    }

    Observer observer() {
        return observer;
    }

    /** Hears of connections, on their event loops. */
    public interface Observer {
        /** The target has answered, {@code nanos} after the connection was accepted. */
        default void onOpened(Tally tally, long nanos) {}

        /** It has ended, {@code nanos} after it was accepted. */
        default void onEnded(Tally tally, long nanos) {}
    }

    /**
     * What can be said of each connection now. Asks their event loops, a few connections at a time: they have other
     * things to do.
     *
     * @return without those of a loop that has not answered within {@code patience}
     */
    public CompletableFuture<List<ConnectionStatus>> status(Duration patience) {
        Map<EventExecutor, List<Connection>> byLoop = new HashMap<>();
        Collection<ConnectionStatus> answers = new ConcurrentLinkedQueue<>();
        for (Connection connection : live.values()) {
            EventExecutor loop = connection.loop();
            if (loop == null) {
                answers.add(connection.status());
            } else {
                byLoop.computeIfAbsent(loop, missing -> new ArrayList<>()).add(connection);
            }
        }
        List<CompletableFuture<?>> parts = new ArrayList<>();
        byLoop.forEach((loop, all) -> {
            for (int from = 0; from < all.size(); from += AT_A_TIME) {
                List<Connection> some = all.subList(from, Math.min(all.size(), from + AT_A_TIME));
                parts.add(CompletableFuture.runAsync(() -> some.forEach(one -> answers.add(one.status())), loop));
            }
        });
        return CompletableFuture.allOf(parts.toArray(new CompletableFuture<?>[0]))
                .completeOnTimeout(null, patience.toMillis(), TimeUnit.MILLISECONDS)
                .handle((done, failure) -> List.copyOf(answers));
    }

    /** Those that have not ended, as they are now. */
    public Collection<Connection> live() {
        return Collections.unmodifiableCollection(live.values());
    }

    /** The limits of some may have changed: they take them on. */
    public void shape() {
        live.values().forEach(Connection::shape);
    }

    public int size() {
        return live.size();
    }

    /** Runs {@code action} whenever the last connection has ended, in the thread that ended it. */
    public void whenEmpty(Runnable action) {
        emptied = action;
    }

    void remove(Connection connection) {
        live.remove(connection.id());
        if (live.isEmpty()) {
            emptied.run();
        }
    }

    long now() {
        return ticker.nanoTime();
    }
}
