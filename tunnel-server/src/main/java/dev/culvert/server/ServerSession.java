package dev.culvert.server;

import dev.culvert.common.lifecycle.Sessions;
import dev.culvert.common.net.AllowList;
import dev.culvert.common.net.AllowRule;
import dev.culvert.common.rate.Limits;
import dev.culvert.common.splice.Connection;
import dev.culvert.common.splice.Connections;
import dev.culvert.common.splice.TargetDial;
import dev.culvert.common.tls.UntrustedPeer;
import dev.culvert.mux.Address;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.MuxConnection;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.MuxStream;
import dev.culvert.mux.OpenRequest;
import dev.culvert.mux.SessionListener;
import dev.culvert.mux.Token;
import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.DatagramChannel;
import io.netty.util.NetUtil;
import io.netty.util.concurrent.Future;
import java.security.PublicKey;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * One client's session: every stream that it opens is checked, dialled and joined with its target. It is on the account
 * of the client that it was when it began, whatever it is called later. Event loop only, but for what says otherwise.
 */
final class ServerSession implements SessionListener {
    private static final Logger LOG = LoggerFactory.getLogger(ServerSession.class);

    private static final String NOT_ANY_MORE = "this client may not connect any more";

    private volatile Peer peer;
    private final Account account;
    private final Connections connections;
    private final Limits limits;
    private final ServerSessions serverSessions;
    private final Listener listener;
    private final SessionOffers offers;
    private volatile Client client;
    private @Nullable MuxSession current;
    private boolean dismissed;
    private Taken taken = Taken.NOTHING;
    private boolean wasUp;
    private long lostAt;

    /** What the session has taken of its client's account. */
    private enum Taken {
        NOTHING,
        SESSION,
        LOST_SESSION
    }

    /**
     * Where a session comes from.
     *
     * @param chain what the client has shown, its own certificate first; empty without TLS
     * @param web whether it comes by a WebSocket
     * @param channel that it has its link by
     * @param loop of the session
     */
    record Peer(
            Endpoint endpoint,
            List<X509Certificate> chain,
            HostPort address,
            boolean web,
            Channel channel,
            EventLoop loop) {
        /** What follows its address, for people. */
        private String how() {
            return web ? " by WebSocket" : "";
        }
    }

    /** Who hears what becomes of a session. Event loop of the session. */
    interface Listener {
        /** The peer has spoken. */
        void onUp(ServerSession session, MuxSession up);

        /**
         * The peer's connection is for {@code other} from now on, as whose peer it has shown itself, and has so many of
         * its bytes.
         */
        void handOver(ServerSession session, MuxSession fresh, ServerSession other, long peerHas);

        /** The session has ended. */
        void onClosed(ServerSession session, MuxSession closed, ErrorCode code);
    }

    /** @param limits for each of its connections */
    ServerSession(
            Peer peer,
            Client client,
            Connections connections,
            Limits limits,
            ServerSessions serverSessions,
            Listener listener) {
        this.peer = peer;
        this.client = client;
        this.connections = connections;
        this.limits = limits;
        this.serverSessions = serverSessions;
        this.listener = listener;
        account = client.account();
        offers = new SessionOffers(peer.loop, account, limits.otherWay(), serverSessions.offers());
    }

    Sessions.Peer who() {
        return new Sessions.Peer(client.name(), peer.address + peer.how());
    }

    /** Who, for people. Any thread. */
    String words() {
        Sessions.Peer who = who();
        return who.name().isEmpty() ? who.address() : who.name() + " at " + who.address();
    }

    /** How many it carries. Any thread. */
    CompletableFuture<Integer> connections() {
        return CompletableFuture.supplyAsync(() -> current == null ? 0 : connections(current), peer.loop);
    }

    private String name() {
        return peer.endpoint.name();
    }

    @Override
    public void onUp(MuxSession session) {
        current = session;
        listener.onUp(this, session);
        if (dismissed) { // since a moment ago
            session.close(ErrorCode.FORBIDDEN, NOT_ANY_MORE);
            return;
        }
        String refusal = account.openSession();
        if (refusal != null) {
            session.close(ErrorCode.LIMIT_REACHED, refusal);
            return;
        }
        taken = Taken.SESSION;
        wasUp = true;
        goAwayIfItsEndpointHasGone(); // since a moment ago
        event("session_up")
                .addKeyValue("version", session.version())
                .addKeyValue("software", session.peerSoftware())
                .addKeyValue("transport", peer.web ? "websocket" : "tcp")
                .log(
                        "{}: session from {}{} up, {}{}",
                        name(),
                        client.at(peer.address),
                        peer.how(),
                        session.version(),
                        session.peerSoftware().isEmpty() ? "" : ", " + session.peerSoftware());
    }

    @Override
    public boolean onResume(MuxSession session, Token token, long peerHas) {
        ServerSession other = serverSessions.find(token);
        if (dismissed || other == null || !other.isOf(this)) {
            return false;
        }
        listener.handOver(this, session, other, peerHas);
        return true;
    }

    /** Whether {@code newcomer} has shown that it is who this session is of. Any thread. */
    private boolean isOf(ServerSession newcomer) {
        if (!client.name().equals(newcomer.client.name())) {
            return false;
        }
        return !client.name().isEmpty() || publicKey().equals(newcomer.publicKey());
    }

    private Optional<PublicKey> publicKey() {
        return peer.chain.stream().findFirst().map(X509Certificate::getPublicKey);
    }

    /**
     * From now on {@code connection} carries this session, if it still can. Any thread.
     *
     * @param moved run if it does, on the event loop of this session
     */
    void moveTo(ServerSession newcomer, MuxConnection connection, long peerHas, Runnable moved) {
        Peer other = newcomer.peer;
        connection.carry(session(), peer.loop, peerHas, () -> {
            peer = new Peer(peer.endpoint, other.chain, other.address, other.web, other.channel, peer.loop);
            moved.run();
        });
    }

    /** Any thread that has found it by its token: it is up. */
    MuxSession session() {
        return Objects.requireNonNull(current);
    }

    @Override
    public void onLost(MuxSession session, String text) {
        lostAt = peer.loop.ticker().nanoTime();
        offers.adjust(session);
        event("session_lost")
                .addKeyValue("reason", text)
                .addKeyValue("connections", connections(session))
                .log(
                        "{}: session from {} has lost its link, {} connections wait: {}",
                        name(),
                        client.at(peer.address),
                        connections(session),
                        text);
        String refusal = account.keepSession();
        taken = refusal == null ? Taken.LOST_SESSION : Taken.NOTHING;
        if (refusal != null) {
            session.close(ErrorCode.LIMIT_REACHED, refusal);
        } else if (serverSessions.isDraining()) {
            endIfLost();
        }
    }

    @Override
    public void onResumed(MuxSession session) {
        boolean wasLost = taken == Taken.LOST_SESSION;
        long millis = wasLost ? (peer.loop.ticker().nanoTime() - lostAt) / 1_000_000 : 0;
        String refusal = wasLost ? account.takeSession() : null;
        taken = refusal == null ? Taken.SESSION : Taken.NOTHING;
        event("session_resumed")
                .addKeyValue("lost_ms", millis)
                .log(
                        "{}: session from {} goes on after {} ms, {} connections",
                        name(),
                        client.at(peer.address),
                        millis,
                        connections(session));
        if (refusal != null) {
            session.close(ErrorCode.LIMIT_REACHED, refusal);
        }
        offers.adjust(session);
    }

    private int connections(MuxSession session) {
        return session.streamCount() - offers.size();
    }

    /** The agent is shutting down, and listens no more: who has lost its link cannot come back. Any thread. */
    void endIfLost() {
        peer.loop.execute(() -> {
            if (current != null && current.isLost()) {
                current.close(ErrorCode.DRAINING, "the link is lost, and this agent is shutting down");
            }
        });
    }

    /** The endpoints have changed. Any thread. */
    void goAwayIfItsEndpointHasGone() {
        peer.loop.execute(() -> {
            if (current != null && serverSessions.hasGone(peer.endpoint)) {
                current.goAway(ErrorCode.CANCELLED, "this server has no endpoint " + name() + " any more");
            }
        });
    }

    private LoggingEventBuilder event(String event) {
        return LOG.atInfo()
                .addKeyValue("event", event)
                .addKeyValue("endpoint", name())
                .addKeyValue("client", client.name())
                .addKeyValue("peer", peer.address);
    }

    /** Whether it may go on by other rules. Any thread. */
    boolean isWelcome(Clients clients) {
        try {
            whoNow(clients);
            return true;
        } catch (UntrustedPeer e) {
            return false;
        }
    }

    /** What is open was allowed to a client that is listed, so it does not go on as anybody's. */
    private Client whoNow(Clients clients) throws UntrustedPeer {
        Client now = peer.chain.isEmpty()
                ? clients.anonymous()
                : clients.identify(peer.chain.toArray(new X509Certificate[0]));
        if (now.isAnonymous() && !client.isAnonymous()) {
            throw new UntrustedPeer("it is no longer " + client.name());
        }
        return now;
    }

    /** Who gets in has changed: the session goes on as what its client is now, or not at all. Any thread. */
    void identifyAgain(Clients clients) {
        peer.loop.execute(() -> {
            try {
                client = whoNow(clients);
                dismissed = false;
                offers.check(client);
            } catch (UntrustedPeer e) {
                dismissed = true;
                if (current != null) {
                    current.close(ErrorCode.FORBIDDEN, NOT_ANY_MORE);
                }
            }
        });
    }

    @Override
    public void onStream(MuxSession session, MuxStream stream) {
        String excess = account.openStream();
        if (excess != null) {
            stream.reset(ErrorCode.LIMIT_REACHED, excess);
            onRefused(session, ErrorCode.LIMIT_REACHED, excess);
            return;
        }
        OpenRequest request = stream.request();
        if (request.kind() == OpenRequest.Kind.PROBE) {
            probe(session, stream);
            return;
        }
        if (request.kind() == OpenRequest.Kind.OFFER) {
            offers.take(session, stream, client, publicKey(), peer.address);
            return;
        }
        Endpoint endpoint = serverSessions.asItIsNow(peer.endpoint);
        boolean datagrams = request.kind() == OpenRequest.Kind.DATAGRAMS;
        Address target = endpoint.target(request);
        String words = (datagrams ? AllowRule.UDP : "") + target;
        Connection connection = connections.add(
                connections.idFor(request.connectionId()),
                Connection.word(endpoint.forward(request)),
                client.name(),
                source(request).toString(),
                target == null ? "none" : words);
        connection.onEnd(account::closeStream);
        connection.limitedBy(limits);
        Refusal refusal = refusal(endpoint, target, datagrams, words);
        if (refusal != null) {
            TargetDial.refuse(stream, connection, refusal.code, refusal.reason);
        } else if (datagrams) {
            dialDatagrams(endpoint, stream, connection.ofDatagrams(), (HostPort) Objects.requireNonNull(target));
        } else {
            dial(endpoint, stream, connection, Objects.requireNonNull(target));
        }
    }

    /** Why a target is not dialled. */
    private record Refusal(ErrorCode code, String reason) {}

    /** Null: it is dialled, which is on the client's account from here on. */
    private @Nullable Refusal refusal(Endpoint endpoint, @Nullable Address target, boolean datagrams, String words) {
        if (target == null) {
            return new Refusal(ErrorCode.PROTOCOL_ERROR, "the open request names no target");
        }
        if (datagrams && !(target instanceof HostPort)) {
            return new Refusal(ErrorCode.PROTOCOL_ERROR, "there is no UDP to a unix socket");
        }
        AllowList allow = datagrams ? client.datagrams() : client.allow();
        if (!endpoint.mayDial(allow, target)) {
            String hint = target instanceof HostPort tcp && allow.matchesName(tcp)
                    ? "; names and * leave out such an address, so a rule has to have it itself"
                    : "";
            return new Refusal(ErrorCode.FORBIDDEN, "no allow rule of " + client.label() + " covers " + words + hint);
        }
        String excess = account.dial();
        return excess == null ? null : new Refusal(ErrorCode.LIMIT_REACHED, excess);
    }

    /** No rate counts a probe. */
    private void probe(MuxSession session, MuxStream stream) {
        boolean isLimited = !limits.fromSocket().isEmpty() || !limits.toSocket().isEmpty();
        String refusal = isLimited ? "a rate is set here, which measuring would not keep" : account.probe();
        if (refusal != null) {
            account.closeStream();
            stream.reset(ErrorCode.LIMIT_REACHED, refusal);
            onRefused(session, ErrorCode.LIMIT_REACHED, refusal);
            return;
        }
        Probe.answer(stream, peer.loop, () -> {
            account.endProbe();
            account.closeStream();
        });
    }

    /** Where the client says that a connection comes from, which is an address and nothing else. */
    private HostPort source(OpenRequest request) {
        HostPort source = request.source();
        return source != null
                        && (NetUtil.isValidIpV4Address(source.host()) || NetUtil.isValidIpV6Address(source.host()))
                ? source
                : peer.address;
    }

    private void dial(Endpoint endpoint, MuxStream stream, Connection connection, Address target) {
        TargetDial.begin(
                serverSessions.dialer(),
                peer.loop,
                target,
                resolved -> endpoint.mayDial(client.allow(), (HostPort) target, resolved),
                stream,
                connection,
                "client");
    }

    private void dialDatagrams(Endpoint endpoint, MuxStream stream, Connection connection, HostPort target) {
        Future<DatagramChannel> dial = serverSessions
                .dialer()
                .dialDatagrams(peer.loop, target, resolved -> endpoint.mayDial(client.datagrams(), target, resolved));
        TargetDial.await(
                dial,
                peer.loop,
                stream,
                connection,
                "client",
                channel -> UdpTarget.join(channel, connection, stream, account.datagrams()));
    }

    @Override
    public void onRefused(MuxSession session, ErrorCode code, String text) {
        account.refusals().add(name(), Refusals.What.STREAM, client.name(), peer.address, code + ": " + text);
    }

    @Override
    public void onOpenable(MuxSession session) {
        offers.adjust(session);
    }

    @Override
    public void onGoAway(MuxSession session, ErrorCode code, String text) {
        offers.adjust(session);
        LOG.debug("{}: session from {} takes no more streams: {}: {}", name(), client.at(peer.address), code, text);
    }

    @Override
    public void onDrained(MuxSession session) {
        session.close(ErrorCode.DRAINING, "drained");
    }

    @Override
    public void onClosed(MuxSession session, ErrorCode code, String text) {
        Taken last = taken;
        taken = Taken.NOTHING;
        if (last == Taken.SESSION) { // for as long as it takes its last words, or does not
            peer.channel.closeFuture().addListener(done -> account.closeSession());
        } else if (last == Taken.LOST_SESSION) {
            account.forgetSession();
        }
        if (wasUp) {
            event("session_ended")
                    .addKeyValue("reason", code + ": " + text)
                    .log("{}: session from {} ended: {}: {}", name(), client.at(peer.address), code, text);
        } else {
            String advice = session.unexpectedVersion().isPresent()
                    ? "; " + peer.endpoint.adviceOn(session.unexpectedVersion().getAsInt())
                    : "";
            account.refusals()
                    .add(name(), Refusals.What.SESSION, client.name(), peer.address, code + ": " + text + advice);
        }
        listener.onClosed(this, session, code);
    }
}
