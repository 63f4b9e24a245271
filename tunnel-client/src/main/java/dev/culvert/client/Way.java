package dev.culvert.client;

import dev.culvert.common.lifecycle.AgentRun;
import dev.culvert.common.net.Dialer;
import dev.culvert.common.net.SessionSocket;
import dev.culvert.mux.MuxSettings;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * How sessions come to be: the servers, and everything that a session is begun with.
 *
 * @param servers at least one; {@link ServerOrder} tells which is tried
 * @param content of the files of {@code upstream.tls}; empty: there are none
 */
record Way(
        List<Server> servers,
        Dialer dialer,
        SessionSocket socket,
        MuxSettings settings,
        UpstreamConfig.Backoff pauses,
        Optional<Duration> maxAge,
        Optional<Duration> returnAfter,
        String content) {
    /** Reads the files of {@code upstream.tls}. Blocks; throws with a sentence for the user. */
    static Way of(ClientConfig config, Dialer dialer) throws IOException {
        UpstreamConfig upstream = config.upstream();
        String content = content(config).orElse(""); // first: what changes from here on is seen to have changed
        List<Server> servers = new ArrayList<>();
        for (UpstreamConfig.Listed listed : upstream.servers()) {
            servers.add(Server.of(listed, upstream));
        }
        return new Way(
                servers,
                dialer.within(upstream.connectTimeout()),
                new SessionSocket(upstream.userTimeout()),
                config.muxSettings("culvert " + AgentRun.version()),
                upstream.backoff(),
                upstream.maxAge(),
                upstream.returnAfter(),
                content);
    }

    /** Of the files as they are now; empty: nobody can say, or there are none. Blocks. */
    static Optional<String> content(ClientConfig config) {
        return config.upstream().tls().flatMap(tls -> tls.files().content(tls.webCaFile()));
    }
}
