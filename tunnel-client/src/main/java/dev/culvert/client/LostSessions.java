package dev.culvert.client;

import dev.culvert.mux.MuxSession;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The sessions of an uplink that wait for another link, in the order in which they are asked for. Event loop only. */
final class LostSessions {
    private final ArrayDeque<LostSession> waiting = new ArrayDeque<>();

    boolean isEmpty() {
        return waiting.isEmpty();
    }

    void add(LostSession one) {
        waiting.add(one);
    }

    void remove(LostSession one) {
        waiting.remove(one);
    }

    /** Returns whether it was among them. */
    boolean remove(MuxSession session) {
        return waiting.removeIf(one -> one.session() == session);
    }

    /** The first has had its turn. */
    void rotate() {
        if (!waiting.isEmpty()) {
            waiting.add(waiting.remove());
        }
    }

    boolean areAtOneOf(List<Server> servers) {
        return waiting.stream().anyMatch(one -> one.mayBeAtOneOf(servers));
    }

    /** The first, if it may be behind one of these. */
    @Nullable LostSession first(List<Server> servers) {
        LostSession first = waiting.peek();
        return first != null && first.mayBeAtOneOf(servers) ? first : null;
    }

    /** The one that {@code server} is asked for: its own before others; null: it has none. */
    @Nullable LostSession wantedAt(Server server) {
        return waiting.stream()
                .filter(one -> one.mayBeAt(server))
                .min(Comparator.comparing(one -> !one.isAtHome(server)))
                .orElse(null);
    }

    /** Those that none of these has end. */
    void endIfNowhere(List<Server> servers, String why) {
        List.copyOf(waiting).forEach(one -> one.endIfNowhere(servers, why));
    }
}
