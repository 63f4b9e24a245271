package dev.culvert.client;

import io.netty.util.concurrent.Ticker;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;

/**
 * Which server is dialled next, and after which pause. The first comes first, or where they have weights one by chance,
 * but those that have failed lately are behind the others, and before all else those come that are not taken. In a
 * round each has its turn, and only after it there is a pause.
 *
 * <p>Event loop only.
 */
final class ServerOrder {
    /** So long a failure counts. Longer than the pause between two attempts to return to a server that is down. */
    static final Duration LATELY = Duration.ofMinutes(2);

    private final List<Server> servers;
    private final Predicate<Server> taken;
    private final Backoff backoff;
    private final RandomGenerator random;
    private final Ticker ticker;

    private final Map<Location, Long> failedAt = new HashMap<>();
    /** In this round. */
    private final Set<Location> tried = new HashSet<>();

    private Server next;
    /** Which of those to return to was tried last. */
    private int turn;

    /**
     * @param servers at least one
     * @param taken whether others are there already, and this is to be somewhere else if it can; it may change its mind
     */
    ServerOrder(List<Server> servers, Predicate<Server> taken, Backoff backoff, RandomGenerator random, Ticker ticker) {
        this.servers = servers;
        this.taken = taken;
        this.backoff = backoff;
        this.random = random;
        this.ticker = ticker;
        next = best(any -> true);
    }

    // ---- what to do

    /** The one to dial next. */
    Server next() {
        if (taken.test(next)) {
            next = best(any -> true);
        }
        return next;
    }

    /** The same, among those that suit; at least one does. */
    Server next(Predicate<Server> suits) {
        if (!suits.test(next)) {
            next = best(suits);
        }
        return next;
    }

    /** Whether others than {@code server} have not had their turn in this round. */
    boolean hasOthersThan(Server server) {
        return servers.stream()
                .map(Server::location)
                .anyMatch(other -> !other.equals(server.location()) && !tried.contains(other));
    }

    /** The next pause that follows a failure. */
    Duration pause() {
        return backoff.next();
    }

    /**
     * One that it would be better to be at than at {@code present}: before it in the order, or not taken where it is.
     * Each time another where there are several.
     */
    Optional<Server> better(Server present) {
        int place = place(present);
        List<Server> better = IntStream.range(0, servers.size())
                .filter(i -> i < place || taken.test(present))
                .mapToObj(servers::get)
                .filter(taken.negate())
                .toList();
        if (better.isEmpty()) {
            return Optional.empty();
        }
        turn = (turn + 1) % better.size();
        return Optional.of(better.get(turn));
    }

    /** Whether others are there already. */
    boolean isTaken(Server server) {
        return taken.test(server);
    }

    boolean has(Server server) {
        return servers.stream().anyMatch(listed -> listed.location().equals(server.location()));
    }

    // ---- what has happened

    /** Begins again with the best. */
    void restart() {
        tried.clear();
        next = best(any -> true);
    }

    /** {@code server} comes next if it is one of these, else the best. */
    void beginWith(Server server) {
        restart();
        servers.stream()
                .filter(listed -> listed.location().equals(server.location()))
                .findFirst()
                .ifPresent(listed -> next = listed);
    }

    /**
     * An attempt with {@code server} came to nothing.
     *
     * @param suits which servers are tried
     * @return the pause before the next attempt
     */
    Duration failed(Server server, Predicate<Server> suits) {
        avoid(server);
        if (servers.stream().filter(suits).anyMatch(one -> !tried.contains(one.location()))) {
            return Duration.ZERO;
        }
        tried.clear();
        next = best(any -> true);
        return backoff.next();
    }

    /** {@code server} takes no new connections, or is not there: it is behind the others for a while. */
    void avoid(Server server) {
        failedAt.put(server.location(), ticker.nanoTime());
        tried.add(server.location());
        next = best(any -> true);
    }

    /** {@code server} is there. */
    void succeeded(Server server) {
        failedAt.remove(server.location());
    }

    /** A session has lasted, or its link was of use: pauses begin again with the shortest. */
    void recovered() {
        tried.clear();
        backoff.reset();
    }

    // ---- inside

    private Server best(Predicate<Server> suits) {
        List<Server> some = servers.stream().filter(suits).toList();
        some = preferably(some, server -> !tried.contains(server.location()));
        some = preferably(some, taken.negate());
        return choose(preferably(some, server -> !hasFailedLately(server)));
    }

    private static List<Server> preferably(List<Server> some, Predicate<Server> liked) {
        List<Server> best = some.stream().filter(liked).toList();
        return best.isEmpty() ? some : best;
    }

    /** The first, or one by chance where they have weights. */
    private Server choose(List<Server> some) {
        int ticket = random.nextInt(
                Math.max(1, some.stream().mapToInt(Server::weight).sum()));
        for (Server server : some) {
            ticket -= server.weight();
            if (ticket < 0) {
                return server;
            }
        }
        return some.get(0);
    }

    private boolean hasFailedLately(Server server) {
        Long at = failedAt.get(server.location());
        return at != null && ticker.nanoTime() - at < LATELY.toNanos();
    }

    /** In the order; the first where it is none of them, or where there is no order. */
    private int place(Server server) {
        return IntStream.range(0, servers.size())
                .filter(i -> servers.get(i).weight() == 0
                        && servers.get(i).location().equals(server.location()))
                .findFirst()
                .orElse(0);
    }
}
