package dev.culvert.server;

import dev.culvert.common.lifecycle.Sessions;
import dev.culvert.common.net.DialFailure;
import dev.culvert.common.net.Dialer;
import dev.culvert.common.splice.Connection;
import dev.culvert.common.splice.Connections;
import dev.culvert.common.splice.Splice;
import dev.culvert.common.tls.UntrustedPeer;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.MuxStream;
import dev.culvert.mux.OpenRequest;
import dev.culvert.mux.SessionListener;
import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.Future;
import java.security.cert.X509Certificate;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One client's session: every stream that it opens is checked, dialled and joined with its target. Event loop only. */
final class ServerSession implements SessionListener {
    private static final Logger LOG = LoggerFactory.getLogger(ServerSession.class);

    private static final String NOT_ANY_MORE = "this client may not connect any more";

    private final Endpoint endpoint;
    /** What the client has shown, its own certificate first; empty without TLS. */
    private final X509Certificate[] chain;

    private final HostPort address;
    private final String peer;
    private final EventLoop loop;
    private final Dialer dialer;
    private final Connections connections;
    private final Sessions sessions;
    private final int maxSessions;
    private final Consumer<ServerSession> whenClosed;
    private Client client;
    private @Nullable MuxSession current;

    ServerSession(
            Endpoint endpoint,
            X509Certificate[] chain,
            Client client,
            HostPort address,
            EventLoop loop,
            Dialer dialer,
            Connections connections,
            Sessions sessions,
            int maxSessions,
            Consumer<ServerSession> whenClosed) {
        this.endpoint = endpoint;
        this.chain = chain;
        this.client = client;
        this.address = address;
        peer = client.at(address);
        this.loop = loop;
        this.dialer = dialer;
        this.connections = connections;
        this.sessions = sessions;
        this.maxSessions = maxSessions;
        this.whenClosed = whenClosed;
    }

    @Override
    public void onUp(MuxSession session) {
        current = session;
        if (client.equals(Client.NOBODY) && chain.length > 0) { // since a moment ago
            session.close(ErrorCode.FORBIDDEN, NOT_ANY_MORE);
            return;
        }
        if (sessions.size() > maxSessions) {
            session.close(
                    ErrorCode.LIMIT_REACHED, "this server has " + maxSessions + " sessions, the most it may have");
            return;
        }
        LOG.info(
                "{}: session from {} up, {}{}",
                endpoint.name(),
                peer,
                session.version(),
                session.peerSoftware().isEmpty() ? "" : ", " + session.peerSoftware());
    }

    /** Who gets in has changed: the session goes on as what its client is now, or not at all. Any thread. */
    void identifyAgain(Clients clients) {
        loop.execute(() -> {
            try {
                client = chain.length == 0 ? clients.anonymous() : clients.identify(chain);
            } catch (UntrustedPeer e) {
                client = Client.NOBODY;
                if (current != null) {
                    current.close(ErrorCode.FORBIDDEN, NOT_ANY_MORE);
                }
            }
        });
    }

    @Override
    public void onStream(MuxSession session, MuxStream stream) {
        OpenRequest request = stream.request();
        HostPort target = endpoint.target(request);
        HostPort source = request.source();
        Connection connection = connections.add(
                request.connectionId().isEmpty() ? connections.newId() : request.connectionId(),
                endpoint.forward(request),
                client.at(source == null ? address : source),
                target == null ? "none" : target.toString());
        if (target == null) {
            refuse(stream, connection, ErrorCode.PROTOCOL_ERROR, "the open request names no target");
        } else if (!endpoint.mayDial(client, target)) {
            refuse(
                    stream,
                    connection,
                    ErrorCode.FORBIDDEN,
                    "no allow rule of " + (client.name().isEmpty() ? "anonymous" : client.name()) + " covers "
                            + target);
        } else {
            dial(stream, connection, target);
        }
    }

    private void dial(MuxStream stream, Connection connection, HostPort target) {
        Future<Channel> dial = dialer.dial(loop, target, resolved -> endpoint.mayDial(client, target, resolved));
        stream.ifAbandoned(() -> {
            dial.cancel(false);
            connection.end("reset by the client while " + target + " was dialled");
        });
        connection.onCut(loop, (code, reason) -> {
            dial.cancel(false);
            refuse(stream, connection, code, reason);
        });
        dial.addListener((Future<Channel> dialled) -> {
            if (dialled.isSuccess()) {
                Splice.accept(
                        dialled.getNow(),
                        connection,
                        stream,
                        endpoint.settings().flow().frameSize());
            } else if (dialled.cause() instanceof DialFailure failure) {
                refuse(stream, connection, failure.code(), String.valueOf(failure.getMessage()));
            } else if (!dialled.isCancelled()) {
                refuse(stream, connection, ErrorCode.INTERNAL, "the dial failed: " + dialled.cause());
            }
        });
    }

    private static void refuse(MuxStream stream, Connection connection, ErrorCode code, String reason) {
        stream.reset(code, reason);
        connection.end("reset: " + code + ": " + reason);
    }

    @Override
    public void onGoAway(MuxSession session, ErrorCode code, String text) {
        LOG.debug("{}: session from {} takes no more streams: {}: {}", endpoint.name(), peer, code, text);
    }

    @Override
    public void onDrained(MuxSession session) {
        session.close(ErrorCode.DRAINING, "drained");
    }

    @Override
    public void onClosed(MuxSession session, ErrorCode code, String text) {
        whenClosed.accept(this);
        sessions.remove(session);
        if (session.unexpectedVersion().isPresent()) {
            LOG.warn(
                    "{}: refused {}: {}; {}",
                    endpoint.name(),
                    peer,
                    text,
                    endpoint.advice(session.unexpectedVersion().getAsInt()));
        } else {
            LOG.info("{}: session from {} ended: {}: {}", endpoint.name(), peer, code, text);
        }
    }
}
