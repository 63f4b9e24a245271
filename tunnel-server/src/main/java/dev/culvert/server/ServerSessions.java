package dev.culvert.server;

import static java.util.stream.Collectors.toMap;

import dev.culvert.common.net.Dialer;
import dev.culvert.mux.Token;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The sessions that there are, and what each of them asks of its server: who can be resumed, what an endpoint is now,
 * by what targets are dialled. Any thread.
 */
final class ServerSessions {
    private final Offers offers;
    private final Set<ServerSession> live = ConcurrentHashMap.newKeySet();
    /** Those that can be resumed. */
    private final Map<Token, ServerSession> resumable = new ConcurrentHashMap<>();

    private volatile Dialer dialer;
    /** By their names, as they are configured now. */
    private volatile Map<String, Endpoint> endpoints = Map.of();
    /** The names of those that were configured before. */
    private volatile Set<String> gone = Set.of();

    private volatile boolean draining;

    ServerSessions(Offers offers, Dialer dialer) {
        this.offers = offers;
        this.dialer = dialer;
    }

    /**
     * These are the endpoints from now on, also for the sessions that there are; those of one that has gone take no
     * more streams.
     */
    void serve(List<Endpoint> all) {
        Map<String, Endpoint> next = all.stream().collect(toMap(Endpoint::name, endpoint -> endpoint));
        Set<String> left = new HashSet<>(gone);
        left.addAll(endpoints.keySet());
        left.removeAll(next.keySet());
        endpoints = next;
        gone = left;
        live.forEach(ServerSession::goAwayIfItsEndpointHasGone);
    }

    /** What a dial of a target may take from now on. */
    void dialWithin(Duration timeout) {
        dialer = dialer.within(timeout);
    }

    /** Sessions of those who may not connect any more end; what the others may dial is what it is now. */
    void identifyAgain(Clients clients) {
        live.forEach(session -> session.identifyAgain(clients));
    }

    /** The sessions of who would not get in any more. */
    List<ServerSession> unwelcome(Clients clients) {
        return live.stream().filter(session -> !session.isWelcome(clients)).toList();
    }

    /** No connection comes any more. */
    void drain() {
        draining = true;
        live.forEach(ServerSession::endIfLost);
    }

    // ---- which there are

    /** One begins. */
    void add(ServerSession session) {
        live.add(session);
    }

    /** It has ended, or another goes on for it. */
    void remove(ServerSession session) {
        live.remove(session);
    }

    /** Who has this token may resume the session, until {@link #forget}. */
    void keep(Token token, ServerSession session) {
        resumable.put(token, session);
    }

    void forget(Token token) {
        resumable.remove(token);
    }

    // ---- for one of them

    /** The session that has this token, whoever asks; null where there is none. */
    @Nullable ServerSession find(Token token) {
        return resumable.get(token);
    }

    /** What the configuration makes of {@code endpoint} now; where it has gone, what it was. */
    Endpoint asItIsNow(Endpoint endpoint) {
        return endpoints.getOrDefault(endpoint.name(), endpoint);
    }

    /** Whether it is not configured any more. */
    boolean hasGone(Endpoint endpoint) {
        return gone.contains(endpoint.name());
    }

    /** What clients offer. */
    Offers offers() {
        return offers;
    }

    /** What the next target is dialled by. */
    Dialer dialer() {
        return dialer;
    }

    /** Whether no connection comes any more. */
    boolean isDraining() {
        return draining;
    }
}
