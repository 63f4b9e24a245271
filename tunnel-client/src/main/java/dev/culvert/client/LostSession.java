package dev.culvert.client;

import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.Token;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;

/**
 * A session that waits for another link, and what servers have said when they were asked for it. Behind one address
 * there may be several processes, and only one of them has it: an address is given up when a process answers there that
 * has answered before, and the session with its own address.
 */
final class LostSession {
    private static final int MOST_REFUSALS = 8;

    private final MuxSession session;
    private final Server home;
    private final Consumer<Server> found;
    private final Token token;
    private final Map<Location, Set<Long>> answers = new HashMap<>();
    private final Map<Location, Integer> refusals = new HashMap<>();
    private final Set<Location> hopeless = new HashSet<>();

    /**
     * @param home where it had its link
     * @param found told where it gets another
     */
    LostSession(MuxSession session, Server home, Consumer<Server> found) {
        this.session = session;
        this.home = home;
        this.found = found;
        token = session.token().orElseThrow();
    }

    MuxSession session() {
        return session;
    }

    void foundAt(Server server) {
        found.accept(server);
    }

    /** Behind {@code server} a process knows nothing of the session; {@code fresh} is what it has begun instead. */
    void notFoundAt(Server server, MuxSession fresh) {
        boolean known = fresh.token()
                .map(other -> other.instance() == token.instance()
                        || !answers.computeIfAbsent(server.location(), its -> new HashSet<>())
                                .add(other.instance()))
                .orElse(true);
        if (known) {
            hopeless.add(server.location());
        }
    }

    /**
     * Behind {@code server} a process knows nothing of the session, and has no room for another: it has others of ours,
     * so it is likely to be the one that has answered before. Behind a balancer it may be another one, so it takes
     * several.
     */
    void noRoomAt(Server server) {
        if (answers.containsKey(server.location())
                && refusals.merge(server.location(), 1, Integer::sum) == MOST_REFUSALS) {
            hopeless.add(server.location());
        }
    }

    /** Whether it may still be behind one of these. */
    boolean mayBeAtOneOf(List<Server> servers) {
        return mayBeAt(home) && servers.stream().anyMatch(this::mayBeAt);
    }

    /** A session that none of these has ends, and its connections hear of it. */
    void endIfNowhere(List<Server> servers, String why) {
        if (!mayBeAtOneOf(servers)) {
            session.close(ErrorCode.CONNECTION_RESET, "the link was lost, and " + why);
        }
    }

    /** Whether it had its link there. */
    boolean isAtHome(Server server) {
        return home.location().equals(server.location());
    }

    boolean mayBeAt(Server server) {
        return !hopeless.contains(server.location());
    }
}
