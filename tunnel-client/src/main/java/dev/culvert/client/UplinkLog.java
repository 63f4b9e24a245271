package dev.culvert.client;

import dev.culvert.mux.MuxSession;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.LoggingEventBuilder;

/** What the log says of an {@link Uplink} and its sessions: sentences, and beside them the fields of docs/logs.md. */
final class UplinkLog {
    private static final Logger LOG = LoggerFactory.getLogger(Uplink.class);

    private final String name;

    UplinkLog(String name) {
        this.name = name;
    }

    void up(Server server, MuxSession session) {
        event(LOG.atInfo(), "session_up", server)
                .addKeyValue("version", session.version())
                .addKeyValue("software", session.peerSoftware())
                .log(
                        "{}: session up, server {}, {}{}",
                        name,
                        server,
                        session.version(),
                        session.peerSoftware().isEmpty() ? "" : ", " + session.peerSoftware());
    }

    void resumed(Server server, int connections, long millis) {
        event(LOG.atInfo(), "session_resumed", server)
                .addKeyValue("lost_ms", millis)
                .log("{}: session to {} goes on after {} ms, {} connections", name, server, millis, connections);
    }

    /** A session, or an attempt to have one, has come to nothing, and the next attempt follows. */
    void failed(String event, Server server, String reason, Server next, Duration pause) {
        event(LOG.atWarn(), event, server)
                .addKeyValue("reason", reason)
                .log("{}: {}; dialling {} in {} ms", name, reason, next, pause.toMillis());
    }

    /** What became of a session, as it should be. */
    void info(String event, Server server, String reason) {
        event(LOG.atInfo(), event, server).addKeyValue("reason", reason).log("{}: {}", name, reason);
    }

    /** What became of a session, and cost something. */
    void warn(String event, Server server, String reason) {
        event(LOG.atWarn(), event, server).addKeyValue("reason", reason).log("{}: {}", name, reason);
    }

    /** What is done without being asked. */
    void info(String sentence) {
        LOG.info("{}: {}", name, sentence);
    }

    void debug(String sentence) {
        LOG.debug("{}: {}", name, sentence);
    }

    private LoggingEventBuilder event(LoggingEventBuilder line, String event, Server server) {
        return line.addKeyValue("event", event).addKeyValue("endpoint", name).addKeyValue("peer", server.location());
    }
}
