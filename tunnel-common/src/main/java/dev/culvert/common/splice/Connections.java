package dev.culvert.common.splice;

import io.netty.util.concurrent.Ticker;
import java.util.Collection;
import java.util.Collections;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicLong;

/** The live connections of an agent. Any thread. */
public final class Connections {
    private final Ticker ticker;
    private final Set<Connection> live = ConcurrentHashMap.newKeySet();
    private final AtomicLong next = new AtomicLong();
    /** Tells the connections of this run of the agent from those of another in a common log. */
    private final String prefix =
            String.format("%06x", ThreadLocalRandom.current().nextInt(1 << 24));

    private volatile Runnable emptied = () -> {};

    public Connections(Ticker ticker) {
        this.ticker = ticker;
    }

    /** A new id, for a connection that this agent is the first to see. */
    public String newId() {
        return prefix + "-" + next.incrementAndGet();
    }

    /** Enters a connection; its {@link Connection#end} takes it out again. */
    public Connection add(String id, String forward, String client, String target) {
        Connection connection = new Connection(this, id, forward, client, target);
        live.add(connection);
        return connection;
    }

    /** Those that have not ended, as they are now. */
    public Collection<Connection> live() {
        return Collections.unmodifiableCollection(live);
    }

    public int size() {
        return live.size();
    }

    /** Runs {@code action} whenever the last connection has ended, in the thread that ended it. */
    public void whenEmpty(Runnable action) {
        emptied = action;
    }

    void remove(Connection connection) {
        live.remove(connection);
        if (live.isEmpty()) {
            emptied.run();
        }
    }

    long now() {
        return ticker.nanoTime();
    }
}
